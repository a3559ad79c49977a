#!/usr/bin/env bash
# Chinese texts in databases of other encodings: converted where there is Chinese, left out or refused where there is none.
# shellcheck source=test/server/lib.sh
. "$(dirname "$0")/lib.sh"

start_server
for encoding in euc_cn latin1; do
	sql "CREATE DATABASE shop_$encoding ENCODING '$encoding' LOCALE 'C' TEMPLATE template0"
	sql "CREATE EXTENSION promoai; SELECT (promoai.kmeans_train('halves', 'SELECT i, i % 2 AS side FROM generate_series(1, 100) i', 2)).version" \
		-d "shop_$encoding" >/dev/null || bail_out "no model in $encoding"
done
export PGCLIENTENCODING=UTF8

rfm="SELECT segment_code, segment_zh FROM promoai.rfm('SELECT 1, date ''2024-05-01'', 10')"
is "$(sql "$rfm" -d shop_euc_cn)" "champions|冠军客户" "segments have Chinese names in EUC_CN"
is "$(sql "$rfm" -d shop_latin1)" "champions|" "and none in LATIN1, where the rest is answered"
describe="SELECT description FROM promoai.segment_describe('halves', 'zh') LIMIT 1"
like "$(sql "$describe" -d shop_euc_cn)" "^side远低于其他客户" "descriptions are Chinese in EUC_CN"
like "$(sql_error "$describe" -d shop_latin1)" "the encoding of this database, LATIN1, has no Chinese" "and refused in LATIN1"
like "$(sql "SELECT description FROM promoai.segment_describe('halves') LIMIT 1" -d shop_latin1)" "^side far below" "in English they are told there as well"

done_testing
