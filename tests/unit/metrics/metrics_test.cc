#include "common/metrics/metrics.h"

#include <catch2/catch.hpp>
#include <thread>

namespace weir::metrics {
namespace {

TEST_CASE("Registry: series are ordered, escaped and typed") {
  Registry registry;
  auto b = registry.GetCounter("weir_rows_total", "Rows\nin", {{"task", "b\"\\\n"}, {"job", "j"}});
  auto a = registry.GetCounter("weir_rows_total", "", {{"job", "a"}});
  auto gauge = registry.GetGauge("weir_busy_ratio", "Busy");
  b->Add(3);
  a->Increment();
  gauge->Set(0.25);
  CHECK(registry.Text() ==
        "# HELP weir_busy_ratio Busy\n"
        "# TYPE weir_busy_ratio gauge\n"
        "weir_busy_ratio 0.25\n"
        "# HELP weir_rows_total Rows\\nin\n"
        "# TYPE weir_rows_total counter\n"
        "weir_rows_total{job=\"a\"} 1\n"
        "weir_rows_total{job=\"j\",task=\"b\\\"\\\\\\n\"} 3\n");
}

TEST_CASE("Registry: the same name and labels are the same series, in whatever order") {
  Registry registry;
  auto one = registry.GetGauge("g", "", {{"a", "1"}, {"b", "2"}});
  auto two = registry.GetGauge("g", "", {{"b", "2"}, {"a", "1"}});
  CHECK(one == two);
  CHECK(one != registry.GetGauge("g", ""));
}

TEST_CASE("Registry: a series that nobody holds is gone") {
  Registry registry;
  auto kept = registry.GetGauge("g", "", {{"s", "kept"}});
  registry.GetGauge("g", "", {{"s", "dropped"}})->Set(1);
  CHECK(registry.Text().find("dropped") == std::string::npos);
  CHECK(registry.Text().find("kept") != std::string::npos);
  kept.reset();
  CHECK(registry.Text().empty());
}

TEST_CASE("Registry: collectors run at each text until their handle is let go") {
  Registry registry;
  auto gauge = registry.GetGauge("g", "");
  int calls = 0;
  auto handle = registry.OnCollect([&] { gauge->Set(++calls); });
  registry.Text();
  CHECK(registry.Text().find("g 2\n") != std::string::npos);
  handle.reset();
  CHECK(registry.Text().find("g 2\n") != std::string::npos);
  CHECK(calls == 2);
}

TEST_CASE("Counter and Gauge: updates from several threads are not lost") {
  Registry registry;
  auto counter = registry.GetCounter("c", "");
  auto gauge = registry.GetGauge("g", "");
  auto work = [&] {
    for (int i = 0; i < 10000; ++i) {
      counter->Increment();
      gauge->Add(1);
    }
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  CHECK(counter->value() == 20000);
  CHECK(gauge->value() == 20000);
}

}  // namespace
}  // namespace weir::metrics
