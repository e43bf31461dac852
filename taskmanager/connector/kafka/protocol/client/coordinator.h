#pragma once

#include <memory>

#include "common/base/clock.h"
#include "taskmanager/connector/kafka/kafka_options.h"
#include "taskmanager/connector/kafka/transaction/transaction_port.h"

namespace weir::taskmanager::kafka {

/// A transaction coordinator spoken to over the wire: TCP or TLS, SASL PLAIN or SCRAM. Connects on first use, keeps its
/// connections (a commit at a known coordinator is one round trip) and reconnects by itself. No threads of its own.
///
/// Thread:  what it returns is thread-safe; concurrent calls use connections of their own.
/// Errors:  none here: a CA file that cannot be read, a login that is refused and so on are the calls' errors.
///          A login method that this client lacks: `Supported` says false, the rest kUnimplemented.
/// `clock` must outlive it; deadlines are of its steady time.
std::unique_ptr<TransactionCoordinator> MakeCoordinator(const ConnectionOptions& options, const Clock* clock);

}  // namespace weir::taskmanager::kafka
