#include "taskmanager/format/json_paths.h"

namespace weir::taskmanager {

JsonPaths::JsonPaths(const batch::Schema& schema, const std::vector<bool>& wanted) : objects(1) {
  for (int column = 0; column < schema.size(); ++column) {
    if (!wanted.empty() && (column >= static_cast<int>(wanted.size()) || !wanted[column])) continue;
    std::string_view path = schema.fields[column].name;
    for (int object = 0;;) {
      const size_t dot = path.find('.');
      const std::string_view name = path.substr(0, dot);
      size_t at = 0;
      while (at < objects[object].keys.size() && objects[object].keys[at].name != name) ++at;
      if (at == objects[object].keys.size()) objects[object].keys.push_back({std::string(name)});
      Key& key = objects[object].keys[at];
      if (dot == std::string_view::npos) {
        key.column = column;
        break;
      }
      if (key.child < 0) key.child = static_cast<int>(objects.size());
      object = key.child;
      path.remove_prefix(dot + 1);
      if (object == static_cast<int>(objects.size())) objects.emplace_back();  // `key` is not valid any more
    }
  }
}

}  // namespace weir::taskmanager
