#pragma once

#include <memory>
#include <string>

#include "client/arguments.h"
#include "client/context.h"

namespace weir::job {
class ConnectorCatalog;
}

namespace weir::taskmanager {
struct ConnectorRegistry;
}

namespace weir::client {

/// The verbs. Each does what its help says, writes data to `out` and everything else to `err`, and
/// returns the exit code. Those in the first block ask `context.api`. Thread: the main thread; they
/// block.
int List(const Context& context, const Arguments& arguments);
int Status(const Context& context, const Arguments& arguments);
int Wait(const Context& context, const Arguments& arguments);
int Cancel(const Context& context, const Arguments& arguments);
int Stop(const Context& context, const Arguments& arguments);
int Savepoint(const Context& context, const Arguments& arguments);
int Checkpoints(const Context& context, const Arguments& arguments);
int Transactions(const Context& context, const Arguments& arguments);
int Cluster(const Context& context, const Arguments& arguments);
int Submit(const Context& context, const Arguments& arguments,
           const job::ConnectorCatalog& catalog);

int Rescale(const Context& context, const Arguments& arguments);
int Version(const Context& context, const Arguments& arguments);
int Lint(const Context& context, const Arguments& arguments, const job::ConnectorCatalog& catalog,
         const taskmanager::ConnectorRegistry& connectors);
int Explain(const Context& context, const Arguments& arguments,
            const job::ConnectorCatalog& catalog);

}  // namespace weir::client
