-- A file of Optuna 2.3.0 (make_old_file.py), as Python's sqlite3 dumps it.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v1.3.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'s','MAXIMIZE');
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json VARCHAR(2048), 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json VARCHAR(2048), 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'team','{"a": [1, null, "h\u00e9"]}');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json VARCHAR(2048), 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'uniform',-0.165955990594852,'{"name": "UniformDistribution", "attributes": {"low": -1, "high": 1}}');
INSERT INTO "trial_params" VALUES(2,1,'log',3.99597228313505956065e-02,'{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 1}}');
INSERT INTO "trial_params" VALUES(3,1,'step',0.0,'{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}');
INSERT INTO "trial_params" VALUES(4,1,'int',7.0,'{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}');
INSERT INTO "trial_params" VALUES(5,1,'int log',64.0,'{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 64, "step": 1}}');
INSERT INTO "trial_params" VALUES(6,1,'kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, 1, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(7,2,'uniform',-8.15322810462404401476e-01,'{"name": "UniformDistribution", "attributes": {"low": -1, "high": 1}}');
INSERT INTO "trial_params" VALUES(8,2,'log',8.53691695803875761662e-05,'{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 1}}');
INSERT INTO "trial_params" VALUES(9,2,'step',0.25,'{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}');
INSERT INTO "trial_params" VALUES(10,2,'int',3.0,'{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}');
INSERT INTO "trial_params" VALUES(11,2,'int log',7.0,'{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 64, "step": 1}}');
INSERT INTO "trial_params" VALUES(12,2,'kind',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, 1, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(13,3,'uniform',4.90963191457427505781e-02,'{"name": "UniformDistribution", "attributes": {"low": -1, "high": 1}}');
INSERT INTO "trial_params" VALUES(14,3,'log',1.64916636568525083045e-03,'{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 1}}');
INSERT INTO "trial_params" VALUES(15,3,'step',0.25,'{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}');
INSERT INTO "trial_params" VALUES(16,3,'int',5.0,'{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}');
INSERT INTO "trial_params" VALUES(17,3,'int log',42.0,'{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 64, "step": 1}}');
INSERT INTO "trial_params" VALUES(18,3,'kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, 1, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(19,4,'uniform',-1.38602865630583105271e-01,'{"name": "UniformDistribution", "attributes": {"low": -1, "high": 1}}');
INSERT INTO "trial_params" VALUES(20,4,'log',4.96179648511711146596e-01,'{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 1}}');
INSERT INTO "trial_params" VALUES(21,4,'step',0.75,'{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}');
INSERT INTO "trial_params" VALUES(22,4,'int',3.0,'{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}');
INSERT INTO "trial_params" VALUES(23,4,'int log',55.0,'{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 64, "step": 1}}');
INSERT INTO "trial_params" VALUES(24,4,'kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, 1, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(25,5,'uniform',7.52778304592076619172e-01,'{"name": "UniformDistribution", "attributes": {"low": -1, "high": 1}}');
INSERT INTO "trial_params" VALUES(26,5,'log',2.97189401607167391627e-01,'{"name": "LogUniformDistribution", "attributes": {"low": 1e-05, "high": 1}}');
INSERT INTO "trial_params" VALUES(27,5,'step',0.0,'{"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}}');
INSERT INTO "trial_params" VALUES(28,5,'int',7.0,'{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}}');
INSERT INTO "trial_params" VALUES(29,5,'int log',1.0,'{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 64, "step": 1}}');
INSERT INTO "trial_params" VALUES(30,5,'kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, 1, 2.5, true]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json VARCHAR(2048), 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,3,'fail_reason','"Trial 2 failed because of the following error: ValueError(''no'')"');
INSERT INTO "trial_system_attributes" VALUES(2,6,'fixed_params','{"uniform": 0.5}');
INSERT INTO "trial_system_attributes" VALUES(3,7,'fixed_params','{"uniform": 0.25}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json VARCHAR(2048), 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'note','"\u540d\u540d\u540d"');
INSERT INTO "trial_user_attributes" VALUES(2,2,'note','"\u540d\u540d\u540d"');
INSERT INTO "trial_user_attributes" VALUES(3,3,'note','"\u540d\u540d\u540d"');
INSERT INTO "trial_user_attributes" VALUES(4,4,'note','"\u540d\u540d\u540d"');
INSERT INTO "trial_user_attributes" VALUES(5,5,'note','"\u540d\u540d\u540d"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	step INTEGER, 
	value FLOAT, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,-0.165955990594852);
INSERT INTO "trial_values" VALUES(2,1,1,0.5);
INSERT INTO "trial_values" VALUES(3,2,0,-8.15322810462404401476e-01);
INSERT INTO "trial_values" VALUES(4,2,1,0.5);
INSERT INTO "trial_values" VALUES(5,3,0,4.90963191457427505781e-02);
INSERT INTO "trial_values" VALUES(6,3,1,0.5);
INSERT INTO "trial_values" VALUES(7,4,0,-1.38602865630583105271e-01);
INSERT INTO "trial_values" VALUES(8,4,1,0.5);
INSERT INTO "trial_values" VALUES(9,5,0,7.52778304592076619172e-01);
INSERT INTO "trial_values" VALUES(10,5,1,0.5);
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	value FLOAT, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE',-0.165955990594852,'2026-11-29 13:51:50.691720','2026-11-29 13:51:51.041289');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED',0.5,'2026-11-29 13:51:51.084509','2026-11-29 13:51:51.217245');
INSERT INTO "trials" VALUES(3,2,1,'FAIL',NULL,'2026-11-29 13:51:51.264122','2026-11-29 13:51:51.439948');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE',-1.38602865630583105271e-01,'2026-11-29 13:51:51.476618','2026-11-29 13:51:51.561165');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE',7.52778304592076619172e-01,'2026-11-29 13:51:51.589820','2026-11-29 13:51:51.753371');
INSERT INTO "trials" VALUES(6,5,1,'WAITING',NULL,'2026-11-29 13:51:51.785277',NULL);
INSERT INTO "trials" VALUES(7,6,1,'WAITING',NULL,'2026-11-29 13:51:51.874648',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'2.3.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
COMMIT;
