#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/batch/types.h"

namespace weir::taskmanager {

/// Which keys of a JSON object lead to columns: a tree, since a column's name may be a path (`shop.name`).
/// Thread: immutable.
struct JsonPaths {
  struct Key {
    std::string name;
    int column = -1;  // of the schema; -1: none
    int child = -1;   // object to look into, index of `objects`; -1: none
  };
  struct Object {
    std::vector<Key> keys;
    const Key* Find(std::string_view name) const {
      for (const Key& key : keys) {
        if (key.name == name) return &key;
      }
      return nullptr;
    }
  };
  std::vector<Object> objects;  // the first is the row itself

  JsonPaths(const batch::Schema& schema, const std::vector<bool>& wanted);
};

}  // namespace weir::taskmanager
