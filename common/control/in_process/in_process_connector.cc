#include "common/control/in_process/in_process_connector.h"

#include <deque>
#include <mutex>
#include <utility>

#include "common/runtime/sync.h"

namespace weir::control {
namespace {

// Runs what is put in, in order, one at a time. Whoever finds nobody at it does the work, without
// the lock, so that a receiver may send in the other direction.
class Sequence {
 public:
  void Put(std::function<void()> delivery) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      queue_.push_back(std::move(delivery));
      if (busy_) return;
      busy_ = true;
      deliverer_ = runtime::CurrentThread();
    }
    Drain();
  }
  /// The last delivery; later ones are dropped.
  void PutLast(std::function<void()> delivery) {
    {
      std::lock_guard lock(mutex_);
      if (closed_) return;
      closed_ = true;
      queue_.push_back(std::move(delivery));
      if (busy_) return;
      busy_ = true;
      deliverer_ = runtime::CurrentThread();
    }
    Drain();
  }
  /// Drops what was not delivered yet, and waits for a delivery under way on another thread.
  void Discard() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    queue_.clear();
    idle_.wait(lock, [this] { return !busy_ || deliverer_ == runtime::CurrentThread(); });
  }

 private:
  void Drain() {
    while (true) {
      std::function<void()> next;
      {
        std::lock_guard lock(mutex_);
        if (queue_.empty()) {
          busy_ = false;
          idle_.notify_all();
          return;
        }
        next = std::move(queue_.front());
        queue_.pop_front();
      }
      next();
    }
  }

  runtime::Mutex mutex_;
  std::deque<std::function<void()>> queue_;
  runtime::ConditionVariable idle_;
  bool busy_ = false;
  runtime::ThreadId deliverer_ = 0;  // means something while busy_
  bool closed_ = false;
};

struct Stream {
  TaskManagerLinkHandler* handler = nullptr;
  JobManagerConnector::Events events;
  Sequence up;    // to the JobManager
  Sequence down;  // to the TaskManager
};

class JobManagerSide final : public TaskManagerLink,
                             public std::enable_shared_from_this<JobManagerSide> {
 public:
  explicit JobManagerSide(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  void Send(ToTaskManager message) override {
    stream_->down.Put([stream = stream_, message = std::move(message)]() mutable {
      stream->events.on_message(std::move(message));
    });
  }
  void Close(absl::Status reason) override {
    stream_->down.PutLast([stream = stream_, reason] { stream->events.on_closed(reason); });
    stream_->up.PutLast([self = shared_from_this(), reason] {
      self->stream_->handler->OnClosed(self.get(), reason);
    });
  }

 private:
  const std::shared_ptr<Stream> stream_;
};

class TaskManagerSide final : public JobManagerLink {
 public:
  TaskManagerSide(std::shared_ptr<Stream> stream, std::shared_ptr<JobManagerSide> other)
      : stream_(std::move(stream)), other_(std::move(other)) {}
  ~TaskManagerSide() override {
    stream_->down.Discard();
    stream_->up.PutLast([stream = stream_, other = other_] {
      stream->handler->OnClosed(
          other.get(), absl::UnavailableError("the TaskManager has closed the control stream"));
    });
  }
  void Send(ToJobManager message) override {
    stream_->up.Put([stream = stream_, other = other_, message = std::move(message)]() mutable {
      stream->handler->OnMessage(other.get(), std::move(message));
    });
  }

 private:
  const std::shared_ptr<Stream> stream_;
  const std::shared_ptr<JobManagerSide> other_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobManagerLink>> InProcessConnector::Connect(Events events) {
  auto stream = std::make_shared<Stream>();
  stream->handler = handler_;
  stream->events = std::move(events);
  auto side = std::make_shared<JobManagerSide>(stream);
  stream->up.Put([stream, side, peer = peer_] { stream->handler->OnOpened(side, peer); });
  return std::unique_ptr<JobManagerLink>(std::make_unique<TaskManagerSide>(stream, side));
}

}  // namespace weir::control
