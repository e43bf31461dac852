#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

#include "common/runtime/sync.h"
#include "taskmanager/exchange/channel.h"

namespace weir::taskmanager {

struct InputChannel::State {
  std::function<void()> wake;
  std::function<void(int64_t)> consumed;
  mutable runtime::Mutex mutex;
  std::deque<Element> queue;
  absl::Status failure;
  std::atomic<int64_t> elements{0};  // lets an empty channel be passed over without the lock
  std::atomic<int64_t> bytes{0};
};

InputChannel::InputChannel(std::function<void()> wake, std::function<void(int64_t bytes)> consumed)
    : state_(std::make_unique<State>()) {
  state_->wake = std::move(wake);
  state_->consumed = std::move(consumed);
}

InputChannel::~InputChannel() = default;

void InputChannel::Push(Element element) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->failure.ok()) return;
    state_->bytes += element.bytes;
    state_->queue.push_back(std::move(element));
    ++state_->elements;
  }
  state_->wake();
}

void InputChannel::Fail(absl::Status why) {
  {
    std::lock_guard lock(state_->mutex);
    if (!state_->failure.ok()) return;
    state_->failure = std::move(why);
    ++state_->elements;  // so that Pop looks
  }
  state_->wake();
}

absl::StatusOr<bool> InputChannel::Pop(Element* element) {
  if (state_->elements.load(std::memory_order_acquire) == 0) return false;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->queue.empty()) return state_->failure;
    *element = std::move(state_->queue.front());
    state_->queue.pop_front();
    --state_->elements;
    state_->bytes -= element->bytes;
  }
  if (state_->consumed && element->bytes > 0) state_->consumed(element->bytes);
  return true;
}

bool InputChannel::empty() const { return state_->elements.load(std::memory_order_acquire) == 0; }
int64_t InputChannel::queued_bytes() const { return state_->bytes.load(std::memory_order_relaxed); }

}  // namespace weir::taskmanager
