DECLARE this_day DATE DEFAULT (SELECT ds FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_commit`);
DECLARE replaced_version INT64 DEFAULT (SELECT replaces FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_commit`);
DECLARE newest_version INT64;
DECLARE this_version INT64;
BEGIN TRANSACTION;
UPDATE `shop-project.features.head` SET version = version + 1 WHERE TRUE;
SET this_version = (SELECT version FROM `shop-project.features.head`);
SET newest_version = (SELECT IFNULL(MAX(version), 0) FROM `shop-project.features.commits` WHERE ds = this_day);
IF newest_version = replaced_version THEN
INSERT INTO `shop-project.features.items_history` (ds, item_id, images, title, category, segment, brand, price, currency, url, in_stock, updated_at, attributes, row_digest, deleted, version)
SELECT ds, item_id, images, title, category, segment, brand, price, currency, url, in_stock, updated_at, attributes, row_digest, deleted, version FROM `shop-project.features.items` WHERE ds = this_day;
DELETE FROM `shop-project.features.items` WHERE ds = this_day;
INSERT INTO `shop-project.features.items` (ds, item_id, images, title, category, segment, brand, price, currency, url, in_stock, updated_at, attributes, row_digest, deleted, version)
SELECT ds, item_id, images, title, category, segment, brand, price, currency, url, in_stock, updated_at, attributes, row_digest, deleted, this_version FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_items`;
INSERT INTO `shop-project.features.ledger_history` (ds, item_id, image_index, image_uri, image_id, status, reason, detail, regions, fingerprint, attempts, tried_at, version)
SELECT ds, item_id, image_index, image_uri, image_id, status, reason, detail, regions, fingerprint, attempts, tried_at, version FROM `shop-project.features.ledger` WHERE ds = this_day;
DELETE FROM `shop-project.features.ledger` WHERE ds = this_day;
INSERT INTO `shop-project.features.ledger` (ds, item_id, image_index, image_uri, image_id, status, reason, detail, regions, fingerprint, attempts, tried_at, version)
SELECT ds, item_id, image_index, image_uri, image_id, status, reason, detail, regions, fingerprint, attempts, tried_at, this_version FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_ledger`;
INSERT INTO `shop-project.features.features_history` (ds, item_id, image_index, image_uri, image_id, width_px, height_px, region_id, kind, x0, y0, x1, y1, confidence, label, detector, extractor, dim, vector, version)
SELECT ds, item_id, image_index, image_uri, image_id, width_px, height_px, region_id, kind, x0, y0, x1, y1, confidence, label, detector, extractor, dim, vector, version FROM `shop-project.features.features` WHERE ds = this_day;
DELETE FROM `shop-project.features.features` WHERE ds = this_day;
INSERT INTO `shop-project.features.features` (ds, item_id, image_index, image_uri, image_id, width_px, height_px, region_id, kind, x0, y0, x1, y1, confidence, label, detector, extractor, dim, vector, version)
SELECT ds, item_id, image_index, image_uri, image_id, width_px, height_px, region_id, kind, x0, y0, x1, y1, confidence, label, detector, extractor, dim, vector, this_version FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_features`;
INSERT INTO `shop-project.features.commits` (version, committed_at, ds, content_hash, rows_hash, items, images, regions, deleted, base, bytes, writer)
SELECT this_version,
  GREATEST(
    CURRENT_TIMESTAMP(),
    IFNULL((SELECT MAX(committed_at) FROM `shop-project.features.commits`), CURRENT_TIMESTAMP())
  ),
  ds, content_hash, rows_hash, items, images, regions, deleted, base, bytes, writer
FROM `shop-project.features.staging_20260301T060000_00000000000000000000000000000000_commit`;
COMMIT TRANSACTION;
ELSE
ROLLBACK TRANSACTION;
END IF;
