#include "taskmanager/exchange/local_transport.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace weir::taskmanager {

/// What both ends of a channel share.
struct LocalTransport::Link {
  std::shared_ptr<InputChannel> input;
  std::atomic<int64_t> outstanding{0};  // bytes pushed and not popped
  std::atomic<bool> blocked{false};     // the sender saw it full
  std::atomic<bool> ended{false};
  std::atomic<bool> remote{false};      // the sender is in another process
  runtime::Mutex mutex;
  std::function<void()> wake_sender;    // under mutex
  std::function<void(int64_t)> remote_consumed;  // written before `remote` is set
  absl::Status why;                     // under mutex
};

namespace {

class LocalOutput final : public OutputChannel {
 public:
  explicit LocalOutput(std::shared_ptr<LocalTransport::Link> link) : link_(std::move(link)) {}

  absl::Status Send(Element element) override {
    if (link_->ended) {
      std::lock_guard lock(link_->mutex);
      return link_->why;
    }
    link_->outstanding += element.bytes;
    link_->input->Push(std::move(element));
    return absl::OkStatus();
  }
  bool writable() const override {
    if (link_->ended || link_->outstanding < InputChannel::kCapacityBytes) return true;
    link_->blocked = true;
    // Consumed in between: nobody would wake us.
    return link_->outstanding < InputChannel::kCapacityBytes;
  }

 private:
  std::shared_ptr<LocalTransport::Link> link_;
};

}  // namespace

std::shared_ptr<InputChannel> LocalTransport::Register(const ChannelId& id, std::function<void()> wake) {
  auto link = std::make_shared<Link>();
  std::weak_ptr<Link> weak = link;
  link->input = std::make_shared<InputChannel>(std::move(wake), [weak](int64_t bytes) {
    const std::shared_ptr<Link> self = weak.lock();
    if (self == nullptr) return;
    if (self->remote) return self->remote_consumed(bytes);
    const int64_t left = self->outstanding -= bytes;
    if (left >= InputChannel::kCapacityBytes / 2 || !self->blocked.exchange(false)) return;
    std::function<void()> wake_sender;
    {
      std::lock_guard lock(self->mutex);
      wake_sender = self->wake_sender;
    }
    if (wake_sender) wake_sender();  // not under the lock: it takes others
  });
  std::lock_guard lock(mutex_);
  links_[id] = link;
  return link->input;
}

absl::StatusOr<std::unique_ptr<OutputChannel>> LocalTransport::Connect(const ChannelId& id, const std::string&,
                                                                       Incarnation, std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  const auto it = links_.find(id);
  if (it == links_.end()) {
    return absl::UnavailableError(absl::StrCat("no receiver for the channel of edge ", id.edge, " from subtask ",
                                               id.from_subtask, " to ", id.to_subtask));
  }
  std::lock_guard link_lock(it->second->mutex);
  it->second->wake_sender = std::move(wake);
  return std::make_unique<LocalOutput>(it->second);
}

std::shared_ptr<InputChannel> LocalTransport::AttachRemote(const ChannelId& id,
                                                           std::function<void(int64_t bytes)> consumed) {
  std::lock_guard lock(mutex_);
  const auto it = links_.find(id);
  if (it == links_.end() || it->second->remote) return nullptr;
  it->second->remote_consumed = std::move(consumed);
  it->second->remote = true;
  return it->second->input;
}

void LocalTransport::EndAttempt(const JobId& job, Attempt attempt, absl::Status why) {
  std::vector<std::shared_ptr<Link>> ended;
  {
    std::lock_guard lock(mutex_);
    for (auto it = links_.begin(); it != links_.end();) {
      if (it->first.job == job && it->first.attempt <= attempt) {
        ended.push_back(std::move(it->second));
        it = links_.erase(it);
      } else {
        ++it;
      }
    }
  }
  for (const std::shared_ptr<Link>& link : ended) {
    std::function<void()> wake;
    {
      std::lock_guard lock(link->mutex);
      link->why = why;
      wake = link->wake_sender;
    }
    link->ended = true;
    link->input->Fail(why);
    if (wake) wake();
  }
}

}  // namespace weir::taskmanager
