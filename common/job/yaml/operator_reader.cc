#include "absl/strings/str_cat.h"
#include "common/job/job_keys.h"
#include "common/job/operator_checks.h"
#include "common/job/yaml/node_reader.h"

namespace weir::job {

using config::MapEntry;
using config::Section;

void NodeReader::ReadOperator(const Section& section, Node* node) {
  const std::optional<OperatorType> type = node->operator_type();
  if (!type || *type == OperatorType::kUnion) return;
  node->on_error = static_cast<OnError>(section.Choice("on_error"));
  switch (*type) {
    case OperatorType::kFilter:
      if (const Value* where = section.Find("where")) node->where = TextOf(*where);
      return;
    case OperatorType::kSelect:
      node->fields = ReadExpressions(section.Find("fields"), "fields");
      return;
    case OperatorType::kWindowAggregate:
      node->key_by = ReadNamed(section, "key_by", "columns, or a map of names to expressions");
      ReadWindow(section.Find("window"), node);
      node->allowed_lateness = section.Duration("allowed_lateness");
      node->aggregates = ReadExpressions(section.Find("aggregate"), "aggregate");
      return;
    case OperatorType::kTopN:
      node->key_by = ReadNamed(section, "key_by", "columns, or a map of names to expressions");
      ReadWindow(section.Find("window"), node);
      ReadOrder(section.Find("order_by"), node);
      node->limit = section.Int("limit");
      node->ties = section.Bool("ties");
      node->rank = section.String("rank");
      node->ttl = section.Duration("ttl");
      return;
    case OperatorType::kDeduplicate:
      node->key_by = ReadNamed(section, "key_by", "columns, or a map of names to expressions");
      node->keep_last = section.Choice("keep") == 1;
      node->ttl = section.Duration("ttl");
      return;
    case OperatorType::kWindowJoin:
    case OperatorType::kIntervalJoin:
    case OperatorType::kLookupJoin:
      ReadJoin(section, node);
      return;
    case OperatorType::kUnion:
      return;
  }
}

void NodeReader::ReadOrder(const Value* value, Node* node) {
  if (value == nullptr) return;
  auto add = [&](const Value& item) {
    if (item.is_scalar() && item.kind != Value::Kind::kNull) node->order_by.push_back(TextOf(item));
  };
  if (value->is_scalar()) add(*value);
  for (const Value& item : value->items) add(item);
}

void NodeReader::ReadJoin(const Section& section, Node* node) {
  node->join = static_cast<JoinType>(section.Choice("join"));
  node->fields = ReadExpressions(section.Find("fields"), "fields");
  node->on = ReadNamed(section, "on", "names, or a map of left to right expressions");
  if (node->operator_type() == OperatorType::kWindowJoin) ReadWindow(section.Find("window"), node);
  if (node->operator_type() == OperatorType::kIntervalJoin) {
    const Value* within = section.Find("within");
    if (within != nullptr && within->is_map()) {
      Section bounds(within, WithinKeys(), "`within`", within->location, diagnostics_);
      bounds.Check();
      node->before = bounds.Duration("before");
      node->after = bounds.Duration("after");
    }
  }
  const Value* table = section.Find("table");
  if (node->operator_type() != OperatorType::kLookupJoin || table == nullptr || !table->is_map()) {
    return;
  }
  Section keys(table, TableKeys(), WhatTable(*node), table->location, diagnostics_);
  keys.Check();
  node->options.location = table->location;
  kind_ = NodeKind::kSource;  // its format and schema are those of a source
  ReadFormat(keys.Find("format"), node);
  if (keys.Find("format") == nullptr) node->format.type = FormatType::kJson;
  ReadSchema(keys.Find("schema"), node);
  kind_ = NodeKind::kOperator;
  for (const MapEntry& entry : table->entries) {
    if (entry.key == "path" || entry.key == "on_change") node->options.entries.push_back(entry);
  }
  // Of the wrong kind it was reported: validation must not find it missing.
  if (const Value* schema = keys.Find("schema"); schema != nullptr && !schema->is_map()) node->type.clear();
}

std::vector<NamedText> NodeReader::ReadNamed(const Section& section, std::string_view key,
                                             std::string_view holds) {
  const Value* value = section.Find(key);
  if (value == nullptr) return {};
  if (value->is_map()) return ReadExpressions(value, key);
  std::vector<NamedText> entries;
  auto add = [&](const Value& item) {
    if (!item.is_scalar() || item.kind == Value::Kind::kNull) {
      diagnostics_->Error(item.location,
                          absl::StrCat("`", std::string(key), "` must hold ", std::string(holds)));
      return;
    }
    // The name is the column's, which the plan finds out: it may be quoted.
    entries.push_back({item.text, TextOf(item), item.location});
  };
  if (value->is_list()) {
    for (const Value& item : value->items) add(item);
  } else {
    add(*value);
  }
  return entries;
}

void NodeReader::ReadWindow(const Value* value, Node* node) {
  if (value == nullptr) return;
  if (value->is_scalar() && value->text == "input" &&
      node->operator_type() == OperatorType::kTopN) {
    node->window = Window{Window::Kind::kInput, 0, 0, false, value->location};
    return;
  }
  if (!value->is_map()) {
    // Of the types whose `window` must be a map this was said.
    if (node->operator_type() == OperatorType::kTopN) {
      diagnostics_->Error(value->location, "`window` must be {tumbling: D} or `input`");
    }
    return;
  }
  const size_t before = diagnostics_->errors().size();
  Section section(value, WindowKeys(), "`window`", value->location, diagnostics_);
  section.Check();
  Window window;
  window.location = value->location;
  // A window that was reported here stands in with an hour, so that it is not reported as missing
  // too.
  window.size = window.slide = 3'600'000'000;
  node->window = window;
  const bool tumbling = section.Has("tumbling"), sliding = section.Has("sliding"),
             session = section.Has("session");
  window.processing_time = section.Choice("time") == 1;
  if (tumbling + sliding + session != 1) {
    if (diagnostics_->errors().size() == before) {
      diagnostics_->Error(
          value->location,
          "a window is either {tumbling: D}, {sliding: D, slide: D} or {session: GAP}");
    }
  } else if (!sliding && section.Has("slide")) {
    diagnostics_->Error(section.Find("slide")->location,
                        absl::StrCat("a ", tumbling ? "tumbling" : "session",
                                     " window has no `slide`: {sliding: D, slide: D}"));
  } else if (sliding && !section.Has("slide")) {
    diagnostics_->Error(value->location, "key `slide` is missing: {sliding: D, slide: D}");
  } else if (diagnostics_->errors().size() == before) {
    window.kind = tumbling  ? Window::Kind::kTumbling
                  : sliding ? Window::Kind::kSliding
                            : Window::Kind::kSession;
    window.size = section.Duration(tumbling ? "tumbling" : sliding ? "sliding" : "session");
    window.slide = sliding ? section.Duration("slide") : window.size;
    node->window = window;
  }
}

}  // namespace weir::job
