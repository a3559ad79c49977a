-- The split by which factor models are compared with published figures, repeatable by anyone from the shop of doc/demo.
--
-- Pairs: distinct (customer, stock code) of rows with a customer, an invoice that does not start with C and a quantity
-- above 0.  Test customers: the 800 with the smallest md5(customer) among those with five or more items.  Of each one's
-- items the first max(1, n / 5) by md5(customer || '/' || item) are held out; the rest is the history that is folded in.
-- Trained is on the other customers.  recall@20 = hits / min(20, held out), the history's items left out.
CREATE SCHEMA md5_split;
CREATE TABLE md5_split.pairs AS
SELECT DISTINCT customer_id, product_id FROM shop.order_items WHERE quantity > 0;
CREATE TABLE md5_split.testers AS
SELECT customer_id, count(*) AS n FROM md5_split.pairs
GROUP BY customer_id HAVING count(*) >= 5 ORDER BY md5(customer_id::text) LIMIT 800;
CREATE TABLE md5_split.held_out AS
SELECT customer_id, product_id
FROM (SELECT customer_id, product_id, n,
             row_number() OVER (PARTITION BY customer_id ORDER BY md5(customer_id || '/' || product_id)) AS place
      FROM md5_split.pairs JOIN md5_split.testers USING (customer_id)) p
WHERE place <= greatest(1, n / 5);
CREATE TABLE md5_split.train AS
SELECT customer_id, product_id FROM md5_split.pairs WHERE customer_id NOT IN (SELECT customer_id FROM md5_split.testers);
CREATE TABLE md5_split.history AS
SELECT customer_id, product_id FROM md5_split.pairs WHERE customer_id IN (SELECT customer_id FROM md5_split.testers)
EXCEPT SELECT customer_id, product_id FROM md5_split.held_out;
ANALYZE md5_split.pairs, md5_split.held_out, md5_split.train, md5_split.history;
