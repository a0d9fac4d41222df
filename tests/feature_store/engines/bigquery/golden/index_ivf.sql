CREATE OR REPLACE VECTOR INDEX nearest
ON `shop-project.features.nearest_20260102T030405-ab_c`(vector)
STORING(item_id, region_id, segment, in_stock)
OPTIONS (index_type = 'IVF', distance_type = 'COSINE')
