#include "common/runtime/sync.h"

#include <pthread.h>

namespace weir::runtime {

static_assert(std::is_integral_v<pthread_t>, "ThreadId holds it");

ThreadId CurrentThread() {
  if (scheduler != nullptr) [[unlikely]] return scheduler->Current();
  return pthread_self();
}

Thread::Thread(std::string_view name, std::function<void()> main) {
  if (scheduler != nullptr) [[unlikely]] {
    fiber_ = scheduler->Spawn(name, std::move(main));
    return;
  }
  thread_ = std::thread(std::move(main));
  pthread_setname_np(thread_.native_handle(), std::string(name.substr(0, 15)).c_str());
}

ThreadId Thread::id() { return fiber_ != 0 ? fiber_ : thread_.native_handle(); }

void SleepFor(SteadyMicros micros) {
  if (scheduler != nullptr) [[unlikely]] {
    scheduler->Sleep(micros);
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(micros));
  }
}

}  // namespace weir::runtime
