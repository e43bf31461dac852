#include "common/rpc/disposal.h"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace weir::rpc {
namespace {

class Disposer {
 public:
  /// Never destroyed: it must work until the process is gone.
  static Disposer& Get() {
    static Disposer* const disposer = new Disposer();
    return *disposer;
  }

  void Give(std::shared_ptr<const void> object) {
    std::lock_guard lock(mutex_);
    given_.push_back(std::move(object));
    changed_.notify_all();
  }
  void Await() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return given_.empty() && !busy_; });
  }

 private:
  Disposer() {
    std::thread([this] { Main(); }).detach();
    // Runs before the destructors of static objects, gRPC's among them.
    std::atexit([] { Get().Await(); });
  }

  void Main() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return !given_.empty(); });
      std::vector<std::shared_ptr<const void>> objects;
      objects.swap(given_);
      busy_ = true;
      lock.unlock();
      objects.clear();
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<const void>> given_;
  bool busy_ = false;
};

}  // namespace

void Dispose(std::shared_ptr<const void> object) { Disposer::Get().Give(std::move(object)); }
void AwaitDisposal() { Disposer::Get().Await(); }

}  // namespace weir::rpc
