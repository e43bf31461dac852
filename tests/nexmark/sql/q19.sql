-- key: auction, rank_number
-- alike: auction, rank_number, price
SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, canonical) AS rank_number FROM bid
QUALIFY rank_number <= 10
