#include "taskmanager/connector/kafka/protocol/client/wire_coordinator.h"

#include "taskmanager/connector/kafka/protocol/client/wire_coordinator_impl.h"

namespace weir::taskmanager::kafka::protocol {

template class BasicWireCoordinator<Cluster>;

}  // namespace weir::taskmanager::kafka::protocol
