#pragma once

#include <memory>

namespace weir::rpc {

/// Gives a reference to a client's call, stub or channel to a thread of its own, which lets it go.
///
/// Thread:  thread-safe; does not wait. What is given before the process exits is let go before it
/// does. Why:     gRPC 1.51 runs callbacks on threads that belong to a completion queue which every
/// channel with a callback call
///          shares. The last such channel, when it is destroyed, joins those threads and deletes
///          the queue. Destroyed in a callback it would join its own thread, which fails without a
///          word, and the thread then reads the deleted queue: `assertion failed: prior > 0`, and
///          the process aborts. A ClientContext holds the channel too. So whatever may be the last
///          reference to one on gRPC's threads comes here, from OnDone above all.
void Dispose(std::shared_ptr<const void> object);

/// Waits until what was given before is let go. Not from a callback of gRPC.
void AwaitDisposal();

}  // namespace weir::rpc
