#include "taskmanager/connector/kafka/protocol/client/coordinator.h"

namespace weir::taskmanager::kafka {

std::unique_ptr<TransactionCoordinator> MakeCoordinator(const ConnectionOptions&, const Clock*) { return nullptr; }

}  // namespace weir::taskmanager::kafka
