#include "taskmanager/connector/kafka/protocol/client/log_reader.h"

namespace weir::taskmanager::kafka {

std::unique_ptr<LogReader> MakeLogReader(const ConnectionOptions&, const Clock*) { return nullptr; }

}  // namespace weir::taskmanager::kafka
