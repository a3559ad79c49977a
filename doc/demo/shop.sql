-- shop.sql - half a million invoice lines of a real gift shop become a small shop schema
--
-- Run with psql from the project's top folder (it reads test/data/online_retail.csv.xz; see test/data/README.md for
-- whose data it is).  Running it again starts anew.  No row is lost: what is not a sale to a known customer is kept
-- in tables of its own, and the script stops if the parts do not add up to what was read.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

BEGIN;

DROP SCHEMA IF EXISTS shop CASCADE;
CREATE SCHEMA shop;

-- The invoice lines as they come.  5,268 of them repeat another line exactly; nothing says whether by mistake, so they
-- stay, and the line's number tells them apart.
CREATE TEMP TABLE line (
    line_id      bigint GENERATED ALWAYS AS IDENTITY,
    invoice      text,
    stock_code   text,
    description  text,
    quantity     int,
    invoice_date timestamp,
    unit_price   numeric,
    customer     text, -- reads like 17850.0
    country      text
) ON COMMIT DROP;

\copy line(invoice, stock_code, description, quantity, invoice_date, unit_price, customer, country) from program 'xz -dc test/data/online_retail.csv.xz' with (format csv, header)

-- Each line belongs to exactly one of three parts.
ALTER TABLE line ADD customer_id int, ADD part text;
UPDATE line SET
    customer_id = customer::numeric::int,
    part = CASE
        WHEN invoice LIKE 'C%' OR quantity <= 0 THEN 'cancelled'
        WHEN customer IS NULL THEN 'anonymous'
        ELSE 'sold'
    END;
ANALYZE line;

CREATE TABLE shop.customers (
    customer_id int PRIMARY KEY,
    country     text NOT NULL
);
COMMENT ON TABLE shop.customers IS 'Known customers, with the country most of their invoice lines name';

INSERT INTO shop.customers
SELECT DISTINCT ON (customer_id) customer_id, country
FROM (SELECT customer_id, country, count(*) AS n FROM line WHERE customer_id IS NOT NULL GROUP BY 1, 2) c
ORDER BY customer_id, n DESC, country;

CREATE TABLE shop.products (
    product_id text PRIMARY KEY,
    name       text NOT NULL
);
COMMENT ON TABLE shop.products IS 'Articles by stock code, named by their most frequent description';

INSERT INTO shop.products
SELECT DISTINCT ON (stock_code) stock_code, coalesce(description, '(no description)')
FROM (SELECT stock_code, nullif(btrim(description), '') AS description, count(*) AS n FROM line GROUP BY 1, 2) d
ORDER BY stock_code, description IS NULL, n DESC, description;

CREATE TABLE shop.orders (
    order_id    text PRIMARY KEY,
    customer_id int, -- NULL: the invoice names no customer
    ordered_at  timestamp NOT NULL,
    cancels     boolean NOT NULL
);
COMMENT ON TABLE shop.orders IS 'Invoices: purchases, purchases of unknown customers, and cancellations (cancels)';

INSERT INTO shop.orders
SELECT invoice, min(customer_id), min(invoice_date), invoice LIKE 'C%' FROM line GROUP BY invoice;

CREATE TABLE shop.order_items (
    line_id     bigint PRIMARY KEY,
    order_id    text NOT NULL,
    customer_id int NOT NULL,
    product_id  text NOT NULL,
    quantity    int NOT NULL CHECK (quantity > 0),
    unit_price  numeric NOT NULL,
    ordered_at  timestamp NOT NULL
);
COMMENT ON TABLE shop.order_items IS 'What known customers bought';

CREATE TABLE shop.cancelled_items (
    line_id     bigint PRIMARY KEY,
    order_id    text NOT NULL,
    customer_id int,
    product_id  text NOT NULL,
    quantity    int NOT NULL,
    unit_price  numeric NOT NULL,
    ordered_at  timestamp NOT NULL
);
COMMENT ON TABLE shop.cancelled_items IS 'Cancellations, returns and stock corrections, kept apart from what was bought';

CREATE TABLE shop.anonymous_items (
    line_id     bigint PRIMARY KEY,
    order_id    text NOT NULL,
    product_id  text NOT NULL,
    quantity    int NOT NULL CHECK (quantity > 0),
    unit_price  numeric NOT NULL,
    ordered_at  timestamp NOT NULL
);
COMMENT ON TABLE shop.anonymous_items IS 'What was bought without a known customer';

INSERT INTO shop.order_items
SELECT line_id, invoice, customer_id, stock_code, quantity, unit_price, invoice_date
FROM line WHERE part = 'sold' ORDER BY line_id;

INSERT INTO shop.cancelled_items
SELECT line_id, invoice, customer_id, stock_code, quantity, unit_price, invoice_date
FROM line WHERE part = 'cancelled' ORDER BY line_id;

INSERT INTO shop.anonymous_items
SELECT line_id, invoice, stock_code, quantity, unit_price, invoice_date
FROM line WHERE part = 'anonymous' ORDER BY line_id;

ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customers;
ALTER TABLE shop.order_items
    ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (customer_id) REFERENCES shop.customers,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.cancelled_items
    ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (customer_id) REFERENCES shop.customers,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
ALTER TABLE shop.anonymous_items
    ADD FOREIGN KEY (order_id) REFERENCES shop.orders,
    ADD FOREIGN KEY (product_id) REFERENCES shop.products;
CREATE INDEX ON shop.order_items (customer_id);
CREATE INDEX ON shop.order_items (product_id);

-- Nothing lost, nothing twice, and the figures that the data is known by.
CREATE FUNCTION pg_temp.must_be(what text, got numeric, expected numeric) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF got IS DISTINCT FROM expected THEN
        RAISE EXCEPTION 'loading the shop went wrong: % is %, expected %', what, got, expected;
    END IF;
END $$;

DO $$
DECLARE
    parts record;
    raw record;
BEGIN
    SELECT count(*) AS lines, sum(quantity * unit_price) AS revenue INTO parts
    FROM (SELECT quantity, unit_price FROM shop.order_items
          UNION ALL SELECT quantity, unit_price FROM shop.cancelled_items
          UNION ALL SELECT quantity, unit_price FROM shop.anonymous_items) p;
    SELECT count(*) AS lines, sum(quantity * unit_price) AS revenue,
           count(DISTINCT invoice) AS invoices, count(DISTINCT stock_code) AS products INTO raw
    FROM line;
    PERFORM pg_temp.must_be('lines over all parts', parts.lines, raw.lines),
            pg_temp.must_be('revenue over all parts', parts.revenue, raw.revenue),
            pg_temp.must_be('lines read', raw.lines, 541909),
            pg_temp.must_be('revenue of all lines', raw.revenue, 9747747.934),
            pg_temp.must_be('orders', (SELECT count(*) FROM shop.orders), raw.invoices),
            pg_temp.must_be('products', (SELECT count(*) FROM shop.products), raw.products);
    PERFORM pg_temp.must_be('order_items', count(*), 397924),
            pg_temp.must_be('customers of order_items', count(DISTINCT customer_id), 4339),
            pg_temp.must_be('products of order_items', count(DISTINCT product_id), 3665),
            pg_temp.must_be('pairs of customer and product', count(DISTINCT (customer_id, product_id)), 266802)
    FROM shop.order_items;
END $$;

COMMIT;

ANALYZE shop.customers, shop.products, shop.orders, shop.order_items, shop.cancelled_items, shop.anonymous_items;
RESET client_min_messages;
\set QUIET off
