#include "common/config/keys.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/config/units.h"

namespace weir::config {
namespace {

/// What stands there, for messages: the text of a scalar, the kind of anything else.
std::string Shown(const Value& value) {
  if (value.kind == Value::Kind::kNull || !value.is_scalar())
    return std::string(Describe(value.kind));
  constexpr size_t kMaxShown = 60;
  return absl::StrCat("`", value.text.substr(0, kMaxShown),
                      value.text.size() > kMaxShown ? "…" : "", "`");
}

std::string RangeText(const KeySpec& key) {
  auto text = [&](int64_t v) {
    return key.kind == KeyKind::kDuration ? DurationText(v)
           : key.kind == KeyKind::kSize   ? SizeText(v)
                                          : absl::StrCat(v);
  };
  if (key.min && key.max) return absl::StrCat("between ", text(*key.min), " and ", text(*key.max));
  if (key.min) return absl::StrCat("at least ", text(*key.min));
  return absl::StrCat("at most ", text(*key.max));
}

bool InRange(const KeySpec& key, int64_t value) {
  return (!key.min || value >= *key.min) && (!key.max || value <= *key.max);
}

/// `wanted` describes the kind; `number` is what the text was read as.
std::string NumberMismatch(const KeySpec& key, const Value& value, std::string_view wanted,
                           const std::optional<int64_t>& number) {
  if (!number)
    return absl::StrCat(absl::string_view(wanted.data(), wanted.size()), ", not ", Shown(value));
  if (!InRange(key, *number)) return absl::StrCat(RangeText(key), ", not ", Shown(value));
  return "";
}

}  // namespace

std::string Mismatch(const KeySpec& key, const Value& value) {
  const bool text = value.is_scalar() && value.kind != Value::Kind::kNull;
  using Number = std::optional<int64_t>;
  switch (key.kind) {
    case KeyKind::kString:
      return text ? "" : absl::StrCat("a string, not ", Shown(value));
    case KeyKind::kEnum: {
      if (text &&
          std::find(key.choices.begin(), key.choices.end(), value.text) != key.choices.end())
        return "";
      std::string message = absl::StrCat(key.choices.size() > 1 ? "one of " : "",
                                         absl::StrJoin(key.choices, ", "), ", not ", Shown(value));
      if (text) message += DidYouMean(value.text, key.choices);
      return message;
    }
    case KeyKind::kInt:
      return NumberMismatch(key, value, "a whole number",
                            value.kind == Value::Kind::kInt ? Number(value.integer) : Number());
    case KeyKind::kBool:
      return value.kind == Value::Kind::kBool ? ""
                                              : absl::StrCat("true or false, not ", Shown(value));
    case KeyKind::kDuration:
      return NumberMismatch(key, value, "a duration such as 250ms, 10s or 1m",
                            text ? ParseDuration(value.text) : Number());
    case KeyKind::kSize:
      return NumberMismatch(key, value, "a size such as 64KiB or 4GiB",
                            text ? ParseSize(value.text) : Number());
    case KeyKind::kRate:
      return NumberMismatch(key, value, "a rate such as 20000/s",
                            text ? ParseRate(value.text) : Number());
    case KeyKind::kStringList: {
      if (text) return "";
      if (!value.is_list() || value.items.empty())
        return absl::StrCat("a string or a list of strings, not ",
                            value.is_list() ? "an empty list" : Shown(value));
      for (const Value& item : value.items) {
        if (!item.is_scalar() || item.kind == Value::Kind::kNull) {
          return absl::StrCat("a list of strings, but holds ", Shown(item));
        }
      }
      return "";
    }
    case KeyKind::kExpressions:
      return value.is_map() ? ""
                            : absl::StrCat("a map of names to expressions, not ", Shown(value));
    case KeyKind::kMap:
      return value.is_map() ? "" : absl::StrCat("a map, not ", Shown(value));
    case KeyKind::kAny:
      return "";
  }
  return "";
}

std::vector<std::string> NamesOf(const std::vector<KeySpec>& keys) {
  std::vector<std::string> names;
  for (const KeySpec& key : keys) names.push_back(key.name);
  return names;
}

Section::Section(const Value* value, const std::vector<KeySpec>& keys, std::string what,
                 Location location, Diagnostics* diagnostics)
    : value_(value),
      keys_(keys),
      what_(std::move(what)),
      location_(location),
      diagnostics_(diagnostics) {}

void Section::Check(const std::vector<std::string>& also) {
  std::vector<std::string> names = NamesOf(keys_);
  names.insert(names.end(), also.begin(), also.end());
  if (value_ != nullptr && value_->is_map()) {
    for (const MapEntry& entry : value_->entries) {
      const auto key = std::find_if(keys_.begin(), keys_.end(),
                                    [&](const KeySpec& k) { return k.name == entry.key; });
      if (key == keys_.end()) {
        diagnostics_->Error(entry.key_location, absl::StrCat("unknown key `", entry.key, "` in ",
                                                             what_, DidYouMean(entry.key, names)));
        continue;
      }
      const std::string mismatch = Mismatch(*key, entry.value);
      if (!mismatch.empty()) {
        diagnostics_->Error(entry.value.location,
                            absl::StrCat("`", entry.key, "` must be ", mismatch));
      }
    }
  } else if (value_ != nullptr && value_->kind != Value::Kind::kNull) {
    diagnostics_->Error(location_, absl::StrCat(what_, " must be a map, not ", Shown(*value_)));
    return;
  }
  for (const KeySpec& key : keys_) {
    if (key.required && !Has(key.name)) {
      diagnostics_->Error(location_, absl::StrCat("key `", key.name, "` is missing in ", what_));
    }
  }
}

const Value* Section::Find(std::string_view key) const {
  return value_ == nullptr ? nullptr : value_->Find(key);
}

const KeySpec& Section::Spec(std::string_view key) const {
  const auto it =
      std::find_if(keys_.begin(), keys_.end(), [&](const KeySpec& k) { return k.name == key; });
  WEIR_CHECK(it != keys_.end());
  return *it;
}

Value Section::Good(std::string_view key) const {
  const KeySpec& spec = Spec(key);
  if (const Value* value = Find(key); value != nullptr && Mismatch(spec, *value).empty())
    return *value;
  return spec.default_text.empty() ? Value() : Value::Plain(spec.default_text);
}

std::string Section::String(std::string_view key) const { return Good(key).text; }
int64_t Section::Int(std::string_view key) const { return Good(key).integer; }
bool Section::Bool(std::string_view key) const { return Good(key).boolean; }
int64_t Section::Duration(std::string_view key) const {
  return ParseDuration(Good(key).text).value_or(0);
}
int64_t Section::Size(std::string_view key) const { return ParseSize(Good(key).text).value_or(0); }
int64_t Section::Rate(std::string_view key) const { return ParseRate(Good(key).text).value_or(0); }

std::vector<std::string> Section::StringList(std::string_view key) const {
  const Value value = Good(key);
  if (value.kind == Value::Kind::kNull) return {};
  if (!value.is_list()) return {value.text};
  std::vector<std::string> texts;
  for (const Value& item : value.items) texts.push_back(item.text);
  return texts;
}

int Section::Choice(std::string_view key) const {
  const std::vector<std::string>& choices = Spec(key).choices;
  const std::string text = Good(key).text;
  const auto it = std::find(choices.begin(), choices.end(), text);
  return it == choices.end() ? 0 : static_cast<int>(it - choices.begin());
}

}  // namespace weir::config
