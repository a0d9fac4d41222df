CREATE OR REPLACE VECTOR INDEX nearest
ON `shop-project.features.nearest_20260102T030405-ab_c`(vector)
OPTIONS (index_type = 'TREE_AH', distance_type = 'DOT_PRODUCT')
