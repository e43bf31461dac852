// Times: literals, parts, truncation, intervals, text.
#include <catch2/catch.hpp>
#include <limits>

#include "common/expression/calendar.h"
#include "tests/unit/expression/fixture.h"

using namespace weir::expression::test;

TEST_CASE("the earliest and the latest moment have parts") {
  const weir::expression::Civil first = weir::expression::CivilOf(std::numeric_limits<int64_t>::min());
  CHECK(first.year == -290308);
  CHECK(first.micros == (((19 * 60 + 59) * 60 + 5) * int64_t{1'000'000}) + 224192);
  const weir::expression::Civil last = weir::expression::CivilOf(std::numeric_limits<int64_t>::max());
  CHECK(last.year == 294247);
  CHECK(last.micros == ((4 * 60 + 0) * 60 + 54) * int64_t{1'000'000} + 775807);
}

TEST_CASE("times that share a text and times that do not") {
  using weir::expression::TimePattern;
  std::string problem;
  CHECK(TimePattern::Make("yyyy-MM-dd E D", &problem)->unit() == weir::expression::kDayLength);
  CHECK(TimePattern::Make("HH a", &problem)->unit() == weir::expression::kHourMicros);
  CHECK(TimePattern::Make("mm:HH", &problem)->unit() == weir::expression::kMinuteMicros);
  CHECK(TimePattern::Make("ss mm", &problem)->unit() == weir::expression::kSecondMicros);
  CHECK(TimePattern::Make("SSS", &problem)->unit() == 1);
  // Row 2 is the last microsecond of 1969.
  CHECK(Values("date_format(coalesce(t, TIMESTAMP '2026-01-31 10:59:59'), 'yyyy HH')") == "2026 10 | 2026 10 | 1969 23");
  CHECK(Values("date_format(timestampadd(SECOND, i, TIMESTAMP '1970-01-01 00:00:00'), 'dd HH:mm')") ==
        "01 00:00 | 31 23:59 | 01 00:00");
}

TEST_CASE("times") {
  struct Case {
    const char* text;
    const char* wanted;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"TIMESTAMP '2026-01-31 10:00:00' < t", "true"},
           {"DATE '2024-02-29' = dt", "true"},
           {"dt < t", "true"},
           {"timestamp_millis(1000)", "1970-01-01 00:00:01"},
           {"timestamp_millis(-1)", "1969-12-31 23:59:59.999"},
           {"unix_millis(t)", "1769854830123"},
           {"unix_millis(TIMESTAMP '1969-12-31 23:59:59.9999')", "-1"},
           {"timestamp_millis(unix_millis(t))", "2026-01-31 10:20:30.123"},
           {"date_trunc('hour', t)", "2026-01-31 10:00:00"},
           {"date_trunc('MINUTE', t)", "2026-01-31 10:20:00"},
           {"date_trunc('week', t)", "2026-01-26 00:00:00"},
           {"date_trunc('month', t)", "2026-01-01 00:00:00"},
           {"date_trunc('quarter', TIMESTAMP '2026-12-31 00:00:00')", "2026-10-01 00:00:00"},
           {"date_trunc('month', dt)", "2024-02-01"},
           {"extract(year FROM t)", "2026"},
           {"EXTRACT(SECOND FROM t)", "30"},
           {"extract(millisecond from t)", "123"},
           {"extract(epoch from t)", "1769854830"},
           {"extract(week from DATE '2021-01-03')", "53"},
           {"extract(dow from DATE '2026-01-31')", "7"},
           {"extract(isodow from DATE '2026-01-31')", "6"},
           {"extract(doy from dt)", "60"},
           {"year(t) * 10000 + month(t) * 100 + day(t)", "20260131"},
           {"hour(t) || ''",
            "problem: at byte 0: `hour(t)` is bigint, where || needs string; convert it: "
            "CAST(hour(t) AS string)"},
           {"t + INTERVAL '5' MINUTE", "2026-01-31 10:25:30.123456"},
           {"t - INTERVAL '1 day 1 hour'", "2026-01-30 09:20:30.123456"},
           {"INTERVAL '1' MONTH + t", "2026-02-28 10:20:30.123456"},
           {"dt + INTERVAL '1' YEAR", "2025-02-28"},
           {"dt - INTERVAL '1' HOUR", "2024-02-28 23:00:00"},
           {"t + INTERVAL '1.5' SECOND", "2026-01-31 10:20:31.623456"},
           {"timestampadd(DAY, i, dt)", "2024-03-07"},
           {"timestampdiff(MINUTE, TIMESTAMP '2026-01-31 10:00:00', t)", "20"},
           {"timestampdiff(MONTH, DATE '2024-01-31', DATE '2024-02-29')", "0"},
           {"timestampdiff(DAY, t, dt)", "-702"},
           {"date_format(t, 'yyyy-MM-dd HH:mm:ss.SSS')", "2026-01-31 10:20:30.123"},
           {"date_format(t, 'yyyyMMdd''T''HH')", "20260131T10"},
           {"date_format(t, 'EEE d MMM yy, h a')", "Sat 31 Jan 26, 10 AM"},
           {"to_timestamp('31/01/2026 7:05', 'dd/MM/yyyy H:mm')", "2026-01-31 07:05:00"},
           {"to_timestamp('2026-01-31 10:20:30')", "2026-01-31 10:20:30"},
           {"to_date('20260131', 'yyyyMMdd')", "2026-01-31"},
           {"to_date('20260231', 'yyyyMMdd')",
            "error: cannot convert '20260231' to date in `to_date('20260231', 'yyyyMMdd')`"},
           {"timestamp_millis(9223372036854775807)",
            "error: timestamp overflow in `timestamp_millis(9223372036854775807)`"}}) {
    INFO(c.text);
    CHECK(Value(c.text) == c.wanted);
  }
  // Before 1970 nothing is cut towards zero.
  CHECK(Value("date_trunc('second', t)", 2) == "1969-12-31 23:59:59");
  CHECK(Value("extract(hour from t)", 2) == "23");
  CHECK(Value("CAST(t AS date)", 2) == "1969-12-31");
  CHECK(Value("year(t)", 2) == "1969");
  CHECK(Type("date_trunc('day', dt)") == "date");
  CHECK(Type("dt + INTERVAL '1' DAY") == "date");
}
