SELECT auction, bidder, CAST(0.908 * price AS decimal(23, 3)) AS price, date_time, extra FROM bid
