#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "common/runtime/sync.h"
#include "tests/simulation/scheduler/simulation.h"

namespace weir::sim {

class Network;

/// A connection between two processes, as a gRPC stream over TCP is one: in order in each direction, until it breaks.
///
/// Thread:  Send, Close and Abandon from fibers of the side's own process.
/// Shape:   what is sent runs at the other side, in a fiber of its process, one at a time; `closed` is the last thing
///          that runs on a side. What is on its way when a connection breaks may be lost from some point on.
/// Errors:  Send on a connection that has ended does nothing.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  enum Side : int { kClient = 0, kServer = 1 };
  enum class Kind : uint8_t { kAny, kControl, kData };
  using Closed = std::function<void(absl::Status)>;
  struct Options {
    Kind kind = Kind::kControl;
    bool client_keepalive = true;  // notices silence
    bool server_keepalive = true;
  };

  /// `context`: what the client has to say to who accepts: the handshake.
  Connection(Network* network, Options options, ProcessId client, ProcessId server, Closed client_closed,
             std::shared_ptr<void> context);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Of the side that accepted; before anything else is done there.
  void OnServerClosed(Closed closed) { ends_[kServer].closed = std::move(closed); }

  void Send(Side from, std::function<void()> deliver);
  /// The other side's `closed` comes with `reason` after what was sent; this side's comes soon.
  void Close(Side from, const absl::Status& reason);
  /// Nothing more runs on this side. The other side hears of it, and may lose what is on its way.
  void Abandon(Side side);
  /// Waits for what runs on this side, unless it is the caller.
  void AwaitIdle(Side side);
  /// Runs on `side` in between what arrives: a message that comes by another way. Dropped when the side has ended.
  void Inject(Side side, std::function<void()> deliver);

  bool open(Side side) const { return ends_[side].open; }
  ProcessId process(Side side) const { return ends_[side].process; }
  NodeId node(Side side) const { return ends_[side].node; }
  Kind kind() const { return options_.kind; }
  /// Of the client's handshake; once, by who accepts.
  std::shared_ptr<void> TakeContext() { return std::move(context_); }

  // ---- What the network does to it; none waits ----

  /// The first delivery on the side that accepts.
  void Start(std::function<void()> accepted);
  void Reset();
  void Forget(Side side);
  /// The side's process is dead. `silently`: its machine too.
  void Died(Side side, bool silently);
  bool over() const { return !ends_[0].open && !ends_[1].open; }

 private:
  struct Parcel {
    SteadyMicros arrives = 0;
    bool closes = false;
    std::function<void()> deliver;  // of a parcel that does not close
    absl::Status why;
  };
  struct End {
    ProcessId process = kOutside;
    NodeId node = 0;
    Closed closed;
    bool open = true;         // sends, and takes what arrives
    bool cut = false;         // nothing that it sends arrives any more; it may not know yet
    std::deque<std::function<void()>> inbox;  // arrived
    uint64_t worker = 0;      // the fiber that works the inbox off; 0: none yet, or it has ended
    bool working = false;     // it runs a delivery
    runtime::WaitList idle;   // who waits for its end
    runtime::WaitList arrival;  // the worker, while there is nothing to do
    // From here to the other side.
    std::deque<Parcel> sent;
    SteadyMicros last_arrival = 0;
    bool timer = false;
    uint64_t stuck = 0;       // number of the time in which nothing passes; 0: it does
  };

  static Side Other(Side side) { return side == kClient ? kServer : kClient; }
  void Put(Side from, Parcel parcel);
  void Arm(Side from);
  void Arrive(Side from);
  void Take(Side to, Parcel parcel);
  void Break(Side side, const absl::Status& why);
  /// After the time of keepalive, if it is then still stuck. 0: for good.
  void NoticeSilence(Side side, uint64_t stuck);
  void LoseTail(Side from);
  void Wake(Side side);
  void WorkOff(Side side);

  Network* const network_;
  const Options options_;
  std::shared_ptr<void> context_;
  End ends_[2];
  uint64_t stuck_numbers_ = 0;
};

}  // namespace weir::sim
