#include "taskmanager/operator/split_watermarks.h"

#include <catch2/catch.hpp>

#include "taskmanager/exchange/channel.h"

using namespace weir::taskmanager;
using weir::batch::kMaxTimestamp;
using weir::batch::kMinTimestamp;

TEST_CASE("SplitWatermarks: the least group counts, an unopened one holds back", "[task]") {
  SplitWatermarks watermarks(10, std::nullopt);
  watermarks.AddSplit(0, "a", false, kMinTimestamp, 0);
  watermarks.AddSplit(1, "b", false, kMinTimestamp, 0);
  watermarks.OnRows(0, 100, 0);
  CHECK(watermarks.Current(0) == kMinTimestamp);
  watermarks.OnRows(1, 50, 0);
  CHECK(watermarks.Current(0) == 40);
  watermarks.OnRows(1, 20, 0);  // older events do not take it back
  CHECK(watermarks.Current(0) == 40);
  watermarks.OnSplitEnded(1);
  CHECK(watermarks.Current(0) == 90);
  watermarks.OnSplitEnded(0);
  CHECK(watermarks.Current(0) == kMaxTimestamp);
}

TEST_CASE("SplitWatermarks: splits of one group are judged together", "[task]") {
  SplitWatermarks watermarks(0, std::nullopt);
  watermarks.AddSplit(0, "file", false, kMinTimestamp, 0);
  watermarks.AddSplit(2, "file", false, kMinTimestamp, 0);
  watermarks.OnRows(0, 100, 0);
  CHECK(watermarks.Current(0) == 100);
  watermarks.OnSplitEnded(0);
  CHECK(watermarks.Current(0) == 100);
  watermarks.OnRows(2, 150, 0);
  CHECK(watermarks.Current(0) == 150);
}

TEST_CASE("SplitWatermarks: idle groups are left out and come back", "[task]") {
  SplitWatermarks watermarks(0, 1000);
  watermarks.AddSplit(0, "a", false, kMinTimestamp, 0);
  watermarks.AddSplit(1, "b", false, kMinTimestamp, 0);
  watermarks.OnRows(0, 100, 500);
  CHECK(watermarks.NextChange(500) == 1000);
  CHECK(watermarks.Current(1200) == 100);
  CHECK(watermarks.NextChange(1000) == 1500);
  CHECK(watermarks.Current(1500) == kIdleWatermark);
  CHECK(!watermarks.NextChange(1500).has_value());  // nothing to wait for: no busy loop
  watermarks.OnRows(1, 70, 1600);
  CHECK(watermarks.Current(1600) == 100);  // never back
}

TEST_CASE("SplitWatermarks: restored where it stood", "[task]") {
  SplitWatermarks watermarks(10, std::nullopt);
  watermarks.AddSplit(0, "a", true, 90, 0);
  watermarks.AddSplit(2, "a", false, 70, 0);
  CHECK(watermarks.Current(0) == 90);
  CHECK(watermarks.OfSplit(2) == 70);
}

TEST_CASE("SplitWatermarks: a later range that others had read does not hurry the file", "[task]") {
  SplitWatermarks watermarks(0, std::nullopt);
  watermarks.AddSplit(0, "a", true, 90, 0);
  watermarks.AddSplit(1, "a", false, 50, 0);
  watermarks.AddSplit(2, "a", true, 200, 0);
  watermarks.AddSplit(3, "a", false, 210, 0);
  CHECK(watermarks.Current(0) == 90);
  watermarks.OnRows(1, 100, 0);
  CHECK(watermarks.Current(0) == 100);
  watermarks.OnSplitEnded(1);
  CHECK(watermarks.Current(0) == 210);
}

TEST_CASE("SplitWatermarks: the earliest times have no earlier watermark", "[task]") {
  SplitWatermarks watermarks(1000, std::nullopt);
  watermarks.AddSplit(0, "a", false, kMinTimestamp, 0);
  watermarks.OnRows(0, kMinTimestamp + 5, 0);
  CHECK(watermarks.Current(0) == kMinTimestamp);
}
