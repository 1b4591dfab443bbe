"""Pages for people: HTML made by the server, shown inside Airflow's own pages and on their own."""
