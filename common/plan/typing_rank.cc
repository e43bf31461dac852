#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/plan/typing_internal.h"

namespace weir::plan {
namespace {

using batch::Schema;
using batch::TypeKind;

/// Takes `asc` or `desc` off the end of an entry of `order_by`.
job::Text TakeDirection(const job::Text& entry, bool* descending) {
  const std::string text(absl::StripTrailingAsciiWhitespace(entry.text));
  const size_t space = text.find_last_of(" \t\n)");
  *descending = false;
  if (space == std::string::npos) return entry;
  const std::string word = absl::AsciiStrToLower(text.substr(space + 1));
  if (word != "asc" && word != "desc") return entry;
  *descending = word == "desc";
  return {text.substr(0, space + 1), entry.location};
}

bool TypeOrder(const job::Node& node, const Schema* schema, TextTyper& typer,
               std::vector<OrderKey>* order) {
  bool known = schema != nullptr;
  for (const job::Text& entry : node.order_by) {
    OrderKey key;
    const job::Text text = TakeDirection(entry, &key.descending);
    if (typer.Compile(text, schema, false, &key.expression)) {
      order->push_back(std::move(key));
    } else {
      known = false;
    }
  }
  return known;
}

bool AddColumn(const job::Node& node, const std::string& name, TypeKind kind, TextTyper& typer,
               Schema* schema) {
  if (schema->IndexOf(name) >= 0) {
    typer.Error(node.location, absl::StrCat("`", node.name, "` adds a column `", name,
                                            "`, and its input has one of that name"));
    return false;
  }
  schema->fields.push_back({name, {.kind = kind, .nullable = false}});
  return true;
}

/// `window: input`: the column of its end; -1 when the input has no window.
int WindowEnd(const Schema& input) {
  const int start = input.IndexOf("window_start"), end = input.IndexOf("window_end");
  const bool both = start >= 0 && end >= 0 && input.fields[start].type.kind == TypeKind::kTimestamp &&
                    input.fields[end].type.kind == TypeKind::kTimestamp;
  return both ? end : -1;
}

void NeedTimes(const job::Node& node, const TypedNode& typed, TextTyper& typer) {
  if (typed.input == nullptr || typed.input_times) return;
  typer.Error(node.location, absl::StrCat(node.type, " `", node.name,
                                          "` needs rows with an event time: its source has no "
                                          "`event_time`"));
}

}  // namespace

void TypeTopN(const job::Node& node, TextTyper& typer, TypedNode* typed) {
  TopNSpec spec;
  const Schema* input = typed->input.get();
  bool known = input != nullptr;
  for (const job::NamedText& key : node.key_by) known &= typer.TypeKey(key, input, &spec.keys);
  known &= TypeOrder(node, input, typer, &spec.order);
  typed->updating = !node.window;
  typed->output_times = true;
  if (node.window || node.ttl > 0) NeedTimes(node, *typed, typer);
  if (!node.window) typed->output_times = typed->input_times;
  if (!known) return;
  spec.limit = node.limit;
  spec.ties = node.ties;
  spec.rank = node.rank;
  spec.ttl = node.ttl;
  Schema output = *input;
  if (node.window && node.window->kind == job::Window::Kind::kInput) {
    spec.window = TopNSpec::Window::kInput;
    spec.window_end_column = WindowEnd(*input);
    if (spec.window_end_column < 0) {
      typer.Error(node.window->location,
                  absl::StrCat("`window: input` needs the columns window_start and window_end: `",
                               job::ToString(node.inputs[0]), "` has no window"));
      return;
    }
  } else if (node.window) {
    spec.window = TopNSpec::Window::kTumbling;
    spec.size = node.window->size;
    known = AddColumn(node, "window_start", TypeKind::kTimestamp, typer, &output) &&
            AddColumn(node, "window_end", TypeKind::kTimestamp, typer, &output);
  }
  if (!spec.rank.empty()) known &= AddColumn(node, spec.rank, TypeKind::kBigint, typer, &output);
  if (!known) return;
  typed->top_n = std::move(spec);
  typed->output = std::make_shared<const Schema>(std::move(output));
}

void TypeDeduplicate(const job::Node& node, TextTyper& typer, TypedNode* typed) {
  DeduplicateSpec spec;
  bool known = typed->input != nullptr;
  for (const job::NamedText& key : node.key_by) {
    known &= typer.TypeKey(key, typed->input.get(), &spec.keys);
  }
  NeedTimes(node, *typed, typer);
  typed->updating = node.keep_last;
  typed->output_times = true;
  if (!known) return;
  spec.keep_last = node.keep_last;
  spec.ttl = node.ttl;
  typed->deduplicate = std::move(spec);
  typed->output = typed->input;
}

}  // namespace weir::plan
