CREATE OR REPLACE TABLE `shop-project.features.nearest_20260102T030405-ab_c` (
  item_id STRING NOT NULL,
  region_id STRING NOT NULL,
  segment STRING,
  in_stock BOOL,
  vector ARRAY<FLOAT64>
)
CLUSTER BY segment
OPTIONS (expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 7 DAY))
