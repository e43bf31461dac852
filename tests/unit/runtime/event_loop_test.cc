#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <vector>

#include "common/base/clock/system_clock.h"
#include "common/runtime/threads.h"
#include "tests/support/virtual_loop.h"

namespace weir::runtime {
namespace {

TEST_CASE("ThreadEventLoop: events of one thread run in the order posted, on the loop") {
  SystemClock clock;
  ThreadEventLoop loop(&clock, "loop");
  std::vector<int> seen;
  std::promise<bool> done;
  for (int i = 0; i < 1000; ++i) loop.Post([&seen, i] { seen.push_back(i); });
  loop.Post([&] { done.set_value(loop.OnLoop()); });
  CHECK(done.get_future().get());
  CHECK_FALSE(loop.OnLoop());
  REQUIRE(seen.size() == 1000);
  for (int i = 0; i < 1000; ++i) CHECK(seen[i] == i);
}

TEST_CASE("ThreadEventLoop: timers run by time, a cancelled one does not") {
  SystemClock clock;
  ThreadEventLoop loop(&clock, "loop");
  std::vector<int> seen;
  std::promise<void> done;
  const SteadyMicros now = clock.Steady();
  loop.PostAt(now + 30'000, [&] { done.set_value(); });
  loop.PostAt(now + 20'000, [&] { seen.push_back(2); });
  const auto cancelled = loop.PostAt(now + 15'000, [&] { seen.push_back(99); });
  loop.PostAt(now + 10'000, [&] { seen.push_back(1); });
  loop.Cancel(cancelled);
  done.get_future().get();
  CHECK(seen == std::vector<int>{1, 2});
}

TEST_CASE("ThreadEventLoop: Stop drops what is queued and later posts") {
  SystemClock clock;
  ThreadEventLoop loop(&clock, "loop");
  loop.PostAt(clock.Steady() + 3'600'000'000, [] { FAIL("a timer of an hour ran"); });
  loop.Stop();
  loop.Post([] { FAIL("an event ran after Stop"); });
  loop.Stop();
}

TEST_CASE("ThreadWorker: Stop still does what was queued, in order") {
  std::vector<int> seen;
  ThreadWorker worker("io");
  for (int i = 0; i < 100; ++i) worker.Run([&seen, i] { seen.push_back(i); });
  worker.Stop();
  REQUIRE(seen.size() == 100);
  CHECK(seen.back() == 99);
}

TEST_CASE("RunThen: the result comes back on the loop") {
  SystemClock clock;
  ThreadEventLoop loop(&clock, "loop");
  ThreadWorker worker("io");
  std::promise<std::pair<int, bool>> done;
  RunThen<int>(
      &worker, &loop, [] { return 7; },
      [&](int v) {
        done.set_value({v, loop.OnLoop()});
      });
  CHECK(done.get_future().get() == std::pair<int, bool>(7, true));
  worker.Stop();
  loop.Stop();
}

TEST_CASE("VirtualLoop: time passes only when it is told to") {
  testing::VirtualLoop loop;
  std::vector<int> seen;
  loop.PostAt(100, [&] {
    seen.push_back(1);
    loop.PostAt(150, [&] { seen.push_back(2); });
  });
  loop.PostAt(300, [&] { seen.push_back(3); });
  loop.Drain();
  CHECK(seen.empty());
  loop.Advance(200);
  CHECK(seen == std::vector<int>{1, 2});
  CHECK(loop.clock().Steady() == 200);
}

}  // namespace
}  // namespace weir::runtime
