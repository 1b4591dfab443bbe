"""Object stores: one small protocol, one implementation per provider, rules about names as data."""
