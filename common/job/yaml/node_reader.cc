#include "common/job/yaml/node_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/job/job_keys.h"

namespace weir::job {

Text TextOf(const Value& value) { return {value.text, value.location}; }

namespace {

using config::DidYouMean;
using config::KeyKind;
using config::KeySpec;
using config::MapEntry;
using config::Section;

const Value* MapOrNull(const Value* value) {
  return value != nullptr && value->is_map() ? value : nullptr;
}

/// More `)` than `(`: the second half of an expression that a comma in `{…}` has cut in two. The
/// first half is reported for its open parenthesis.
bool IsTorn(const MapEntry& entry) {
  return entry.value.kind == Value::Kind::kNull &&
         std::count(entry.key.begin(), entry.key.end(), ')') >
             std::count(entry.key.begin(), entry.key.end(), '(');
}

}  // namespace

Node NodeReader::Read(const MapEntry& entry) {
  Node node;
  node.name = entry.key;
  node.kind = kind_;
  node.location = entry.key_location;
  node.type_location = entry.key_location;
  node.options = Value::Map({});
  node.options.location = entry.value.location;
  const std::string what = absl::StrCat(std::string(ToString(kind_)), " `", node.name, "`");
  const Value& value = entry.value;
  if (!value.is_map()) {
    diagnostics_->Error(node.location, absl::StrCat(what, " must be a map with a `type`"));
    return node;
  }
  if (const Value* type = value.Find("type"); type != nullptr && type->is_scalar()) {
    node.type = type->text;
    node.type_location = type->location;
  }
  const std::vector<KeySpec>& keys = kind_ == NodeKind::kSource ? SourceKeys()
                                     : kind_ == NodeKind::kSink
                                         ? SinkKeys()
                                         : OperatorKeys(node.operator_type());
  // Unknown keys of sources and sinks belong to the connector, whose list validation knows; those
  // of an operator of an unknown type cannot be judged.
  const bool judge = kind_ == NodeKind::kOperator && node.operator_type().has_value();
  Value own = Value::Map({});
  own.location = value.location;
  for (const MapEntry& e : value.entries) {
    const bool known =
        std::any_of(keys.begin(), keys.end(), [&](const KeySpec& k) { return k.name == e.key; });
    if (known || judge) {
      own.entries.push_back(e);
    } else if (kind_ != NodeKind::kOperator) {
      node.options.entries.push_back(e);
    }
  }
  Section section(&own, keys, what, node.location, diagnostics_);
  section.Check();
  if (section.Has("parallelism"))
    node.parallelism = static_cast<int32_t>(section.Int("parallelism"));
  node.renamed_from = section.String("renamed_from");
  if (kind_ != NodeKind::kSource) ReadInputs(section, &node);
  if (kind_ == NodeKind::kOperator) {
    ReadOperator(section, &node);
  } else {
    ReadConnector(section, value, &node);
  }
  // A part that is of the wrong kind was reported: validation must not find it missing.
  for (const KeySpec& key : keys) {
    const bool part = key.kind == KeyKind::kMap || key.kind == KeyKind::kExpressions ||
                      key.name == "where" || key.name == "inputs" || key.name == "input" ||
                      key.name == "left" || key.name == "right" || key.name == "order_by" ||
                      key.name == "limit";
    if (const Value* found = section.Find(key.name);
        part && found != nullptr && !config::Mismatch(key, *found).empty()) {
      node.type.clear();
    }
  }
  return node;
}

void NodeReader::ReadConnector(const Section& section, const Value& value, Node* node) {
  ReadFormat(section.Find("format"), node);
  if (kind_ == NodeKind::kSource) {
    ReadSchema(section.Find("schema"), node);
    ReadEventTime(section.Find("event_time"), node);
    if (section.Has("rate") && section.Rate("rate") > 0) node->rate = section.Rate("rate");
  }
  if (value.Find("format") != nullptr) return;
  const ConnectorDescriptor* descriptor = catalog_.Find(node->type);
  const ConnectorTraits* traits =
      descriptor == nullptr
          ? nullptr
          : (kind_ == NodeKind::kSource ? descriptor->source() : descriptor->sink());
  if (traits != nullptr && !traits->formats.empty()) node->format.type = traits->formats.front();
}

void NodeReader::ReadInputs(const Section& section, Node* node) {
  if (node->two_sided()) {
    for (const char* side : {"left", "right"}) {
      const Value* value = section.Find(side);
      if (value != nullptr && value->is_scalar() && value->kind != Value::Kind::kNull) {
        ReadInput(*value, node);
      }
    }
    return;
  }
  const Value* one = section.Find("input");
  const Value* many = section.Find("inputs");
  if (one != nullptr && many != nullptr) {
    diagnostics_->Error(many->location, "either `input` or `inputs`, not both");
  }
  if (one != nullptr && one->is_scalar() && one->kind != Value::Kind::kNull) ReadInput(*one, node);
  if (many == nullptr) return;
  if (many->is_scalar() && many->kind != Value::Kind::kNull) ReadInput(*many, node);
  for (const Value& item : many->items) {
    if (item.is_scalar()) ReadInput(item, node);
  }
}

void NodeReader::ReadInput(const Value& value, Node* node) {
  InputRef ref;
  ref.location = value.location;
  const size_t dot = value.text.find('.');
  ref.node = value.text.substr(0, dot);
  if (dot != std::string::npos) {
    const std::string port = value.text.substr(dot + 1);
    if (port == "late") {
      ref.port = Port::kLate;
    } else if (port == "errors") {
      ref.port = Port::kErrors;
    } else {
      diagnostics_->Error(
          value.location,
          absl::StrCat("no node has an output `", port, "`", DidYouMean(port, {"late", "errors"}),
                       ": there are NODE, NODE.late and NODE.errors"));
    }
  }
  node->inputs.push_back(std::move(ref));
}

void NodeReader::ReadFormat(const Value* value, Node* node) {
  if (value == nullptr) return;
  node->format.location = value->location;
  // `format: json` is short for `format: {type: json}`.
  Value map = *value;
  if (value->is_scalar() && value->kind != Value::Kind::kNull) {
    map = Value::Map({{"type", value->location, *value}});
    map.location = value->location;
  }
  const bool source = kind_ == NodeKind::kSource;
  const std::vector<KeySpec>& keys = source ? SourceFormatKeys() : SinkFormatKeys();
  Section section(&map, keys, "`format`", value->location, diagnostics_);
  section.Check();
  node->format.type = static_cast<FormatType>(section.Choice("type") + 1);
  if (source) {
    node->format.on_error = static_cast<OnError>(section.Choice("on_error"));
  } else {
    node->format.timestamps = static_cast<TimestampFormat>(section.Choice("timestamps"));
  }
}

void NodeReader::ReadSchema(const Value* value, Node* node) {
  if (MapOrNull(value) == nullptr) return;
  for (const MapEntry& entry : value->entries) {
    SchemaField field{entry.key, {}, entry.key_location};
    const std::optional<batch::DataType> type =
        entry.value.is_scalar() ? batch::ParseDataType(entry.value.text) : std::nullopt;
    if (type) {
      field.type = *type;
    } else {
      static const auto* const names = new std::vector<std::string>{
          "boolean", "int", "bigint", "double", "decimal", "string", "bytes", "timestamp", "date"};
      const std::string& text = entry.value.text;
      std::string word = text.substr(0, text.find_first_of(" ("));
      const bool known = std::find(names->begin(), names->end(), word) != names->end();
      diagnostics_->Error(
          entry.value.location.line > 0 ? entry.value.location : entry.key_location,
          absl::StrCat(
              "`", text, "` is no type for column `", entry.key, "`",
              known ? std::string() : DidYouMean(word, *names),
              ": boolean, int, bigint, double, decimal(p,s), string, bytes, timestamp, date, each "
              "optionally `not null`"));
    }
    node->schema.push_back(std::move(field));
  }
  if (value->entries.empty()) diagnostics_->Error(value->location, "`schema` has no columns");
}

void NodeReader::ReadEventTime(const Value* value, Node* node) {
  if (MapOrNull(value) == nullptr) return;
  Section section(value, EventTimeKeys(), "`event_time`", value->location, diagnostics_);
  section.Check();
  EventTime time;
  time.field = {section.String("field"), value->location};
  if (const Value* field = section.Find("field")) time.field.location = field->location;
  time.max_delay = section.Duration("max_delay");
  if (section.Has("idle_after") && section.Duration("idle_after") > 0)
    time.idle_after = section.Duration("idle_after");
  node->event_time = std::move(time);
}

std::vector<NamedText> NodeReader::ReadExpressions(const Value* value, std::string_view key) {
  std::vector<NamedText> entries;
  if (MapOrNull(value) == nullptr) return entries;
  for (const MapEntry& entry : value->entries) {
    if (IsTorn(entry)) continue;
    if (!entry.value.is_scalar() ||
        (entry.value.kind == Value::Kind::kNull && entry.value.text.empty())) {
      diagnostics_->Error(
          entry.key_location,
          absl::StrCat("`", entry.key, "` in `", std::string(key), "` has no expression"));
      continue;
    }
    entries.push_back({entry.key, TextOf(entry.value), entry.key_location});
  }
  return entries;
}

}  // namespace weir::job
