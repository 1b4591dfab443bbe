BEGIN TRANSACTION;
CREATE TABLE audits (
	number INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	request_id TEXT NOT NULL, 
	location TEXT NOT NULL, 
	space TEXT, 
	external_identifier TEXT, 
	mode TEXT NOT NULL, 
	due BOOLEAN NOT NULL, 
	seed BIGINT NOT NULL, 
	created DATETIME NOT NULL, 
	replicas INTEGER, 
	finished DATETIME, 
	outcome TEXT, 
	summary TEXT, 
	CONSTRAINT pk_audits PRIMARY KEY (number), 
	CONSTRAINT ck_audits_mode_known CHECK (mode IN ('list', 'read', 'sample')), 
	CONSTRAINT ck_audits_outcome_known CHECK (outcome IN ('good', 'findings', 'unknown')), 
	CONSTRAINT ck_audits_end_whole CHECK ((finished IS NULL) = (outcome IS NULL)), 
	CONSTRAINT uq_audits_id UNIQUE (id)
);
CREATE TABLE bag_versions (
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	pointer TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	files BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	added DATETIME NOT NULL, 
	CONSTRAINT pk_bag_versions PRIMARY KEY (space, external_identifier, version), 
	CONSTRAINT ck_bag_versions_version_from_1 CHECK (version >= 1)
);
INSERT INTO "bag_versions" VALUES('digitised','b2',1,'digitised/b2/1/a0ba72f4-0920-4c09-b511-a470ba7da110.json','497ed2c3f772e49ca19ca6f78cbf64379e8e5dca27203cc257808cbc18352857',7,2340,'2026-11-25 20:40:29.765319');
INSERT INTO "bag_versions" VALUES('digitised','b1',1,'digitised/b1/1/e9042aa8-4e27-4566-bc28-4bd31efcdf76.json','fd57fb6748da8fc1b6c138c23e58e9d498b99a2fb222cab916f011e81aea22ed',12,14493,'2026-11-25 20:40:29.767238');
CREATE TABLE bagfill_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT bagfill_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "bagfill_alembic_version" VALUES('0008');
CREATE TABLE campaign_bookings (
	number INTEGER NOT NULL, 
	campaign INTEGER NOT NULL, 
	ingest_id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	part TEXT NOT NULL, 
	round INTEGER NOT NULL, 
	booked DATETIME NOT NULL, 
	begun BOOLEAN NOT NULL, 
	money TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	requests BIGINT NOT NULL, 
	actual_money TEXT, 
	actual_bytes BIGINT, 
	actual_requests BIGINT, 
	CONSTRAINT pk_campaign_bookings PRIMARY KEY (number), 
	CONSTRAINT ck_campaign_bookings_kind_known CHECK (kind IN ('thaw', 'copy')), 
	CONSTRAINT ck_campaign_bookings_settlement_whole CHECK ((actual_money IS NULL) = (actual_requests IS NULL)), 
	CONSTRAINT uq_campaign_bookings_campaign_ingest_id_kind_part_round UNIQUE (campaign, ingest_id, kind, part, round), 
	CONSTRAINT fk_campaign_bookings_campaign_campaigns FOREIGN KEY(campaign) REFERENCES campaigns (number)
);
CREATE TABLE campaign_documents (
	campaign INTEGER NOT NULL, 
	what TEXT NOT NULL, 
	document TEXT NOT NULL, 
	CONSTRAINT pk_campaign_documents PRIMARY KEY (campaign, what), 
	CONSTRAINT fk_campaign_documents_campaign_campaigns FOREIGN KEY(campaign) REFERENCES campaigns (number)
);
CREATE TABLE campaign_events (
	number INTEGER NOT NULL, 
	campaign INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who TEXT NOT NULL, 
	what TEXT NOT NULL, 
	CONSTRAINT pk_campaign_events PRIMARY KEY (number), 
	CONSTRAINT fk_campaign_events_campaign_campaigns FOREIGN KEY(campaign) REFERENCES campaigns (number)
);
CREATE TABLE campaigns (
	number INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	definition TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	state TEXT NOT NULL, 
	why TEXT NOT NULL, 
	revision BIGINT NOT NULL, 
	changed DATETIME, 
	caps TEXT NOT NULL, 
	money TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	requests BIGINT NOT NULL, 
	seen DATETIME, 
	money_today TEXT NOT NULL, 
	bytes_today BIGINT NOT NULL, 
	requests_today BIGINT NOT NULL, 
	free_from DATETIME, 
	CONSTRAINT pk_campaigns PRIMARY KEY (number), 
	CONSTRAINT uq_campaigns_name UNIQUE (name)
);
CREATE TABLE claims (
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	location TEXT NOT NULL, 
	holder TEXT, 
	token BIGINT NOT NULL, 
	expires DATETIME NOT NULL, 
	CONSTRAINT pk_claims PRIMARY KEY (space, external_identifier, version, location), 
	CONSTRAINT ck_claims_token_from_1 CHECK (token >= 1)
);
INSERT INTO "claims" VALUES('digitised','b1',1,'copy','9f7c7951-35a1-5d78-9031-9b7b63517f87',1,'2026-12-02 20:40:31.645478');
CREATE TABLE fixity_events (
	number INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	audit_id CHAR(32), 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	location TEXT NOT NULL, 
	mode TEXT NOT NULL, 
	outcome TEXT NOT NULL, 
	occurred DATETIME NOT NULL, 
	files BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	files_read BIGINT NOT NULL, 
	bytes_read BIGINT NOT NULL, 
	files_archived BIGINT NOT NULL, 
	findings BIGINT NOT NULL, 
	record TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	CONSTRAINT pk_fixity_events PRIMARY KEY (number), 
	CONSTRAINT ck_fixity_events_mode_known CHECK (mode IN ('list', 'read', 'sample')), 
	CONSTRAINT ck_fixity_events_outcome_known CHECK (outcome IN ('good', 'findings', 'unknown')), 
	CONSTRAINT uq_fixity_events_id UNIQUE (id)
);
CREATE TABLE ingest_events (
	ingest_number INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	description TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_ingest_events PRIMARY KEY (ingest_number, position), 
	CONSTRAINT fk_ingest_events_ingests FOREIGN KEY(ingest_number) REFERENCES ingests (number)
);
INSERT INTO "ingest_events" VALUES(1,0,'Replicating to copy accepted - from primary','2026-11-25 20:40:29.790813');
INSERT INTO "ingest_events" VALUES(1,1,'Planning replication to copy succeeded - 12 files, 14493 bytes','2026-11-25 20:40:31.880966');
CREATE TABLE ingests (
	number INTEGER NOT NULL, 
	id CHAR(32) NOT NULL, 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	status TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	request_id TEXT NOT NULL, 
	callback_url TEXT, 
	callback_status TEXT, 
	reason TEXT, campaign TEXT, 
	CONSTRAINT pk_ingests PRIMARY KEY (number), 
	CONSTRAINT ck_ingests_status_known CHECK (status IN ('accepted', 'processing', 'succeeded', 'failed')), 
	CONSTRAINT ck_ingests_callback_whole CHECK ((callback_url IS NULL) = (callback_status IS NULL)), 
	CONSTRAINT uq_ingests_id UNIQUE (id)
);
INSERT INTO "ingests" VALUES(1,'9f7c795135a15d7890319b7b63517f87','digitised','b1',1,'primary','copy','processing','2026-11-25 20:40:29.790813','bag__kept',NULL,NULL,NULL,NULL);
CREATE TABLE location_shares (
	location TEXT NOT NULL, 
	holder TEXT NOT NULL, 
	ends DATETIME NOT NULL, 
	CONSTRAINT pk_location_shares PRIMARY KEY (location, holder)
);
CREATE TABLE receipt_chains (
	location TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	CONSTRAINT pk_receipt_chains PRIMARY KEY (location)
);
CREATE TABLE receipt_seals (
	location TEXT NOT NULL, 
	sequence BIGINT NOT NULL, 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	receipt TEXT NOT NULL, 
	document TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	written DATETIME, 
	CONSTRAINT pk_receipt_seals PRIMARY KEY (location, sequence), 
	CONSTRAINT ck_receipt_seals_sequence_from_1 CHECK (sequence >= 1), 
	CONSTRAINT uq_receipt_seals_location_receipt UNIQUE (location, receipt), 
	CONSTRAINT fk_receipt_seals_receipt_chains FOREIGN KEY(location) REFERENCES receipt_chains (location)
);
CREATE TABLE releases (
	number INTEGER NOT NULL, 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	destination TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_releases PRIMARY KEY (number)
);
CREATE TABLE replicas (
	number INTEGER NOT NULL, 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	location TEXT NOT NULL, 
	registered DATETIME NOT NULL, 
	ingest_id TEXT, 
	receipt TEXT, 
	CONSTRAINT pk_replicas PRIMARY KEY (number), 
	CONSTRAINT fk_replicas_bag_versions FOREIGN KEY(space, external_identifier, version) REFERENCES bag_versions (space, external_identifier, version), 
	CONSTRAINT uq_replicas_space_external_identifier_version_location UNIQUE (space, external_identifier, version, location)
);
INSERT INTO "replicas" VALUES(1,'digitised','b2',1,'primary','2026-11-25 20:40:29.765319',NULL,NULL);
INSERT INTO "replicas" VALUES(2,'digitised','b1',1,'primary','2026-11-25 20:40:29.767238',NULL,NULL);
CREATE TABLE request_keys (
	"key" TEXT NOT NULL, 
	content TEXT NOT NULL, 
	request_id TEXT NOT NULL, 
	created DATETIME NOT NULL, 
	CONSTRAINT pk_request_keys PRIMARY KEY ("key")
);
CREATE TABLE thaw_paces (
	account TEXT NOT NULL, 
	taken DATETIME NOT NULL, 
	CONSTRAINT pk_thaw_paces PRIMARY KEY (account)
);
CREATE TABLE thaws (
	location TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	etag TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	tier TEXT NOT NULL, 
	days INTEGER NOT NULL, 
	holder TEXT NOT NULL, 
	chunk TEXT NOT NULL, 
	stand TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	lease_ends DATETIME NOT NULL, 
	kind TEXT NOT NULL, 
	times INTEGER NOT NULL, 
	paid BOOLEAN NOT NULL, 
	until DATETIME, 
	CONSTRAINT pk_thaws PRIMARY KEY (location, "key"), 
	CONSTRAINT ck_thaws_stand_known CHECK (stand IN ('reserved', 'asked')), 
	CONSTRAINT ck_thaws_kind_known CHECK (kind IN ('archived', 'faster', 'longer')), 
	CONSTRAINT ck_thaws_numbers_sound CHECK (days >= 1 AND times >= 0 AND size >= 0)
);
CREATE TABLE waivers (
	number INTEGER NOT NULL, 
	space TEXT NOT NULL, 
	external_identifier TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	code TEXT NOT NULL, 
	who TEXT NOT NULL, 
	why TEXT NOT NULL, 
	granted DATETIME NOT NULL, 
	ends DATETIME, 
	CONSTRAINT pk_waivers PRIMARY KEY (number)
);
CREATE INDEX ix_bag_versions_version_space_external_identifier ON bag_versions (version, space, external_identifier);
CREATE INDEX ix_replicas_location_version_space_external_identifier ON replicas (location, version, space, external_identifier);
CREATE INDEX ix_ingests_space_external_identifier_version_destination ON ingests (space, external_identifier, version, destination);
CREATE INDEX ix_ingests_request_id ON ingests (request_id);
CREATE INDEX ix_ingests_created_number ON ingests (created, number);
CREATE INDEX ix_ingests_status_created_number ON ingests (status, created, number);
CREATE INDEX ix_receipt_seals_location_written_sequence ON receipt_seals (location, written, sequence);
CREATE INDEX ix_audits_location_finished_number ON audits (location, finished, number);
CREATE INDEX ix_audits_created_number ON audits (created, number);
CREATE INDEX ix_fixity_events_space_external_identifier_version_location_occurred ON fixity_events (space, external_identifier, version, location, occurred);
CREATE INDEX ix_fixity_events_location_space_external_identifier_version_occurred ON fixity_events (location, space, external_identifier, version, occurred);
CREATE INDEX ix_fixity_events_audit_id ON fixity_events (audit_id);
CREATE INDEX ix_waivers_space_external_identifier_version ON waivers (space, external_identifier, version);
CREATE INDEX ix_ingests_campaign_status_number ON ingests (campaign, status, number);
CREATE INDEX ix_campaign_events_campaign_number ON campaign_events (campaign, number);
CREATE INDEX ix_campaign_bookings_campaign_number ON campaign_bookings (campaign, number);
CREATE INDEX ix_releases_space_external_identifier_destination ON releases (space, external_identifier, destination);
CREATE INDEX ix_thaws_chunk ON thaws (chunk);
COMMIT;
