#include <cstring>
#include <string_view>

#include "taskmanager/connector/nexmark/event_columns.h"

namespace weir::taskmanager::nexmark {
namespace {

using batch::Column;
using batch::TypeKind;

enum PersonField : uint64_t { kFirstName, kLastName, kMailbox, kHost, kCreditCard, kCity, kState, kExtra };

constexpr std::string_view kFirstNames[] = {"Peter", "Paul", "Luke",  "John",   "Saul",  "Vicky",
                                            "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::string_view kLastNames[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                           "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::string_view kCities[] = {"Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland",
                                        "Bend",    "Redmond",     "Seattle",       "Kent",  "Cheyenne"};
constexpr std::string_view kStates[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};
constexpr size_t kCreditCardSize = 19;
constexpr size_t kMailLimit = 20;

template <size_t N>
std::string_view OneOf(const std::string_view (&choices)[N], uint64_t random) {
  return choices[Below(random, N)];
}
size_t Put(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return text.size();
}

size_t WriteName(uint64_t hash, char* out) {
  size_t size = Put(OneOf(kFirstNames, Draw(hash, kFirstName)), out);
  out[size++] = ' ';
  return size + Put(OneOf(kLastNames, Draw(hash, kLastName)), out + size);
}
size_t WriteMail(uint64_t hash, char* out) {
  size_t size = RandomText(Draw(hash, kMailbox), 7, ' ', out);
  out[size++] = '@';
  size += RandomText(Draw(hash, kHost), 5, ' ', out + size);
  return size + Put(".com", out + size);
}
size_t WriteCreditCard(uint64_t hash, char* out) {
  uint64_t random = Draw(hash, kCreditCard);
  for (size_t i = 0; i < kCreditCardSize; ++i) {
    if (i % 5 == 4) {
      out[i] = ' ';
      continue;
    }
    // One digit after the other out of one fraction.
    const auto product = static_cast<unsigned __int128>(random) * 10;
    out[i] = static_cast<char>('0' + static_cast<int>(product >> 64));
    random = static_cast<uint64_t>(product);
  }
  return kCreditCardSize;
}
std::string_view CityOf(uint64_t hash) { return OneOf(kCities, Draw(hash, kCity)); }
std::string_view StateOf(uint64_t hash) { return OneOf(kStates, Draw(hash, kState)); }

Column Id(const MakerInput& in) {
  return NumberColumn(TypeKind::kBigint, in.events.size(), [&in](int64_t i) { return kFirstId + in.events.epoch[i]; });
}
Column Name(const MakerInput& in) {
  return TextColumn(in.events.size(), 16, [&in](int64_t i, char* out) { return WriteName(in.events.hash[i], out); });
}
Column EmailAddress(const MakerInput& in) {
  return TextColumn(in.events.size(), kMailLimit,
                    [&in](int64_t i, char* out) { return WriteMail(in.events.hash[i], out); });
}
Column CreditCard(const MakerInput& in) {
  return TextColumn(in.events.size(), kCreditCardSize,
                    [&in](int64_t i, char* out) { return WriteCreditCard(in.events.hash[i], out); });
}
Column City(const MakerInput& in) {
  return TextColumn(in.events.size(), 13, [&in](int64_t i, char* out) { return Put(CityOf(in.events.hash[i]), out); });
}
Column State(const MakerInput& in) {
  return TextColumn(in.events.size(), 2, [&in](int64_t i, char* out) { return Put(StateOf(in.events.hash[i]), out); });
}
Column DateTime(const MakerInput& in) {
  return NumberColumn(TypeKind::kTimestamp, in.events.size(), [&in](int64_t i) { return in.events.time[i]; });
}
Column Extra(const MakerInput& in) {
  return FillerColumn(in.events, kExtra, 200, [&in](int64_t i) {
    char text[64];
    const uint64_t hash = in.events.hash[i];
    const size_t used = 8 + WriteName(hash, text) + WriteMail(hash, text) + kCreditCardSize + CityOf(hash).size() +
                        StateOf(hash).size();
    return static_cast<int64_t>(used);
  });
}

}  // namespace

const std::vector<ColumnMaker>& PersonMakers() {
  static const auto* const makers =
      new std::vector<ColumnMaker>{Id, Name, EmailAddress, CreditCard, City, State, DateTime, Extra};
  return *makers;
}

}  // namespace weir::taskmanager::nexmark
