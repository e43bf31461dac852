#include "taskmanager/executor/async_pool.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>

using namespace weir::taskmanager;

TEST_CASE("AsyncPool: what was put in is done before it goes", "[executor]") {
  std::atomic<int> done{0};
  {
    AsyncPool pool(3);
    for (int i = 0; i < 200; ++i) pool.Run([&] { ++done; });
  }
  CHECK(done == 200);
}

TEST_CASE("SerialQueue: one after another, in order, on several threads", "[executor]") {
  AsyncPool pool(4);
  SerialQueue queue(&pool);
  std::vector<int> order;  // no lock: the queue's promise
  std::promise<void> end;
  for (int i = 0; i < 500; ++i) queue.Run([&order, i] { order.push_back(i); });
  queue.Run([&] { end.set_value(); });
  end.get_future().wait();
  REQUIRE(order.size() == 500);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("SerialQueue: Stop waits for what has begun and drops the rest with what it holds",
          "[executor]") {
  AsyncPool pool(2);
  SerialQueue queue(&pool);
  std::promise<void> begun, go;
  std::atomic<bool> ended{false}, other{false};
  auto held = std::make_shared<int>(1);
  queue.Run([&] {
    begun.set_value();
    go.get_future().wait();
    ended = true;
  });
  queue.Run([&other, held] { other = true; });
  begun.get_future().wait();
  std::thread stopper([&] { queue.Stop(); });
  go.set_value();
  stopper.join();
  CHECK(ended);
  queue.Run([&other] { other = true; });  // too late
  queue.Stop();
  CHECK((other || held.use_count() == 1));
  CHECK(held.use_count() == 1);
}
