#pragma once

#include <memory>
#include <string>

#include "taskmanager/exchange/channel.h"
#include "tests/simulation/network/network.h"

namespace weir::sim {

/// A TaskManager's exchange over the simulated network: one connection per direction between two TaskManagers and
/// attempt, credit per channel, a bound on what the connection has not taken, as taskmanager/exchange/grpc has them.
/// Queues and channels within the process are the product's.
///
/// `process` answers at `address` until it dies. Thread: the process's fibers.
std::unique_ptr<taskmanager::ExchangeTransport> MakeExchangeTransport(Network* network, ProcessId process,
                                                                      const std::string& address, Incarnation self);

}  // namespace weir::sim
