#include "client/build_id.h"
#include "client/exit_code.h"
#include "client/terminal/json_writer.h"
#include "client/verb/verbs.h"

namespace weir::client {

int Version(const Context& context, const Arguments& arguments) {
  if (arguments.json) {
    JsonWriter json;
    json.BeginObject()
        .Key("version")
        .String(VersionText())
        .Key("build_id")
        .String(BuildId())
        .EndObject();
    *context.out << json.text() << "\n";
  } else {
    *context.out << "weir " << VersionText() << " (build " << BuildId() << ")\n";
  }
  return kExitDone;
}

int Rescale(const Context& context, const Arguments& arguments) {
  PrintError(context, "rescale is not supported yet; `weir stop " + arguments.job +
                          "`, then `weir submit JOB --parallelism N --from PATH` does the same");
  return kExitRefused;
}

}  // namespace weir::client
