CREATE TABLE IF NOT EXISTS `shop-project.features.items` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  images ARRAY<STRING>,
  title STRING,
  category STRING,
  segment STRING,
  brand STRING,
  price FLOAT64,
  currency STRING,
  url STRING,
  in_stock BOOL,
  updated_at TIMESTAMP,
  attributes STRING,
  row_digest STRING NOT NULL,
  deleted BOOL NOT NULL,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.items_history` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  images ARRAY<STRING>,
  title STRING,
  category STRING,
  segment STRING,
  brand STRING,
  price FLOAT64,
  currency STRING,
  url STRING,
  in_stock BOOL,
  updated_at TIMESTAMP,
  attributes STRING,
  row_digest STRING NOT NULL,
  deleted BOOL NOT NULL,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY version, item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.ledger` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  image_index INT64 NOT NULL,
  image_uri STRING NOT NULL,
  image_id STRING,
  status STRING NOT NULL,
  reason STRING,
  detail STRING,
  regions INT64 NOT NULL,
  fingerprint STRING,
  attempts INT64,
  tried_at TIMESTAMP,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.ledger_history` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  image_index INT64 NOT NULL,
  image_uri STRING NOT NULL,
  image_id STRING,
  status STRING NOT NULL,
  reason STRING,
  detail STRING,
  regions INT64 NOT NULL,
  fingerprint STRING,
  attempts INT64,
  tried_at TIMESTAMP,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY version, item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.features` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  image_index INT64 NOT NULL,
  image_uri STRING NOT NULL,
  image_id STRING NOT NULL,
  width_px INT64 NOT NULL,
  height_px INT64 NOT NULL,
  region_id STRING NOT NULL,
  kind STRING NOT NULL,
  x0 FLOAT64 NOT NULL,
  y0 FLOAT64 NOT NULL,
  x1 FLOAT64 NOT NULL,
  y1 FLOAT64 NOT NULL,
  confidence FLOAT64 NOT NULL,
  label STRING NOT NULL,
  detector STRING NOT NULL,
  extractor STRING NOT NULL,
  dim INT64 NOT NULL,
  vector ARRAY<FLOAT64>,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.features_history` (
  ds DATE NOT NULL,
  item_id STRING NOT NULL,
  image_index INT64 NOT NULL,
  image_uri STRING NOT NULL,
  image_id STRING NOT NULL,
  width_px INT64 NOT NULL,
  height_px INT64 NOT NULL,
  region_id STRING NOT NULL,
  kind STRING NOT NULL,
  x0 FLOAT64 NOT NULL,
  y0 FLOAT64 NOT NULL,
  x1 FLOAT64 NOT NULL,
  y1 FLOAT64 NOT NULL,
  confidence FLOAT64 NOT NULL,
  label STRING NOT NULL,
  detector STRING NOT NULL,
  extractor STRING NOT NULL,
  dim INT64 NOT NULL,
  vector ARRAY<FLOAT64>,
  version INT64 NOT NULL
)
PARTITION BY ds
CLUSTER BY version, item_id;
CREATE TABLE IF NOT EXISTS `shop-project.features.head` (
  version INT64 NOT NULL,
  forgotten TIMESTAMP,
  keep_days INT64
) AS SELECT 0, CAST(NULL AS TIMESTAMP), CAST(NULL AS INT64);
CREATE TABLE IF NOT EXISTS `shop-project.features.commits` (
  version INT64 NOT NULL,
  committed_at TIMESTAMP NOT NULL,
  ds DATE NOT NULL,
  content_hash STRING NOT NULL,
  rows_hash STRING NOT NULL,
  items INT64 NOT NULL,
  images INT64 NOT NULL,
  regions INT64 NOT NULL,
  deleted INT64 NOT NULL,
  base STRING NOT NULL,
  bytes INT64 NOT NULL,
  writer STRING NOT NULL
);
