#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/ids.h"
#include "common/batch/batch.h"

namespace weir::taskmanager {

/// One sender to one receiver of one attempt.
struct ChannelId {
  JobId job;
  Attempt attempt;
  int32_t edge = 0;
  int32_t from_subtask = 0;
  int32_t to_subtask = 0;
  friend auto operator<=>(const ChannelId&, const ChannelId&) = default;
};

/// As a watermark: this channel has nothing to say about event time until its next one (all its splits are idle).
inline constexpr int64_t kIdleWatermark = batch::kMaxTimestamp - 1;

/// What travels in a channel, in order.
struct Element {
  enum class Kind : uint8_t {
    kBatch = 1,             // `batch`, or `encoded` when it came from another process
    kWatermark = 2,         // `value`: microseconds
    kBarrier = 3,           // `value`: checkpoint id
    kBarrierCancelled = 4,  // `value`: checkpoint id that will not come
  };
  Kind kind = Kind::kBatch;
  int64_t value = 0;
  batch::Batch batch;
  batch::BufferPtr encoded;  // wire form of a batch
  /// What it counts against credit; 0 for all but batches.
  int64_t bytes = 0;
};

/// The receiving end: a queue of elements, bounded in bytes, that one task reads.
///
/// Thread:  Push, Fail from any one thread at a time; Pop and the rest from the task's thread.
/// Bound:   kCapacityBytes by the sender's credit; the sender may overdraw by what one step emits, and elements without
///          bytes cost nothing.
class InputChannel {
 public:
  static constexpr int64_t kCapacityBytes = 512 * 1024;

  /// `wake`: something was pushed (any thread). `consumed` (may be empty): called from Pop with the bytes taken out, on
  /// the task's thread; a transport returns credit by it.
  InputChannel(std::function<void()> wake, std::function<void(int64_t bytes)> consumed);
  ~InputChannel();
  InputChannel(const InputChannel&) = delete;
  InputChannel& operator=(const InputChannel&) = delete;

  void Push(Element element);
  /// The connection broke: Pop returns it after what was pushed. Only the first counts.
  void Fail(absl::Status why);
  /// False when empty.
  absl::StatusOr<bool> Pop(Element* element);
  bool empty() const;
  int64_t queued_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The sending end. Thread: the task's thread; `writable` may change at any time from false to true.
class OutputChannel {
 public:
  virtual ~OutputChannel() = default;
  /// Never blocks; when not writable it is queued all the same (a task checks before its step, which may overdraw).
  virtual absl::Status Send(Element element) = 0;
  virtual bool writable() const = 0;
};

/// Makes the channels between subtasks of one attempt.
///
/// Thread:  thread-safe.
/// Errors:  kUnavailable: the peer is not reachable.
/// Order:   receivers register before StartRunning is sent, so whoever sends after it finds them.
class ExchangeTransport {
 public:
  virtual ~ExchangeTransport() = default;
  virtual std::shared_ptr<InputChannel> Register(const ChannelId& id, std::function<void()> wake) = 0;
  /// `address`: HOST:PORT of the receiver's exchange; `peer` is checked in the handshake. May connect in the background:
  /// a failure then comes from Send. `wake`: the channel became writable again or failed (any thread).
  virtual absl::StatusOr<std::unique_ptr<OutputChannel>> Connect(const ChannelId& id, const std::string& address,
                                                                 Incarnation peer, std::function<void()> wake) = 0;
  /// Fails and forgets every channel of attempts <= `attempt` of the job; later ones of them are refused.
  virtual void EndAttempt(const JobId& job, Attempt attempt, absl::Status why) = 0;
};

}  // namespace weir::taskmanager
