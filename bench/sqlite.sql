-- A program's real work: an indexed table of a million rows, built and queried.
CREATE TABLE shop (id INTEGER PRIMARY KEY, customer INTEGER, total REAL, item TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO shop SELECT i, i * 7919 % 10007, (i * 104729 % 100003) / 100.0, 'item ' || (i * 31 % 4099) FROM n;
CREATE INDEX by_customer ON shop (customer, total);
CREATE INDEX by_item ON shop (item);
SELECT count(*), round(sum(total), 2) FROM shop;
SELECT item, count(*), round(max(total), 2) FROM shop GROUP BY item ORDER BY 3 DESC, 1 LIMIT 3;
SELECT customer, round(sum(total), 2) FROM shop WHERE customer BETWEEN 100 AND 2000 GROUP BY customer ORDER BY 2 DESC, 1 LIMIT 3;
SELECT upper(group_concat(substr(item, 6), '')) LIKE '%4098%' FROM shop WHERE id % 1000 = 0;
