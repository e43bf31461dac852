// Searching in texts, regular expressions matched without RE2, and values that are written more than once.
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>

#include "common/base/rng.h"
#include "common/expression/ast.h"
#include "common/expression/byte_search.h"
#include "common/expression/like.h"
#include "common/expression/regexp.h"
#include "common/expression/repeats.h"
#include "re2/re2.h"
#include "tests/unit/expression/fixture.h"

using namespace weir;
using namespace weir::expression;
using namespace weir::expression::test;

namespace {

// Text of a few letters in memory of exactly its size, so that a sanitizer sees reads outside of it.
struct Text {
  Text(Rng& rng, size_t size, std::string_view alphabet) : bytes(new char[size]), size(size) {
    for (size_t i = 0; i < size; ++i) bytes[i] = alphabet[rng.Below(alphabet.size())];
  }
  std::string_view view() const { return {bytes.get(), size}; }
  std::unique_ptr<char[]> bytes;
  size_t size;
};

}  // namespace

TEST_CASE("bytes are found where std finds them") {
  Rng rng(7);
  for (int round = 0; round < 4000; ++round) {
    const Text text(rng, rng.Below(70), "aab\x80\xffz");
    const Text part(rng, rng.Below(5), "aab");
    const std::string_view t = text.view();
    REQUIRE(FindBytes(t, part.view()) == t.find(part.view()));
    REQUIRE(CountByte(t, 'a') == std::count(t.begin(), t.end(), 'a'));
    const auto n = static_cast<int64_t>(rng.Below(20));
    size_t at = t.find('b');
    for (int64_t k = 0; k < n && at != std::string_view::npos; ++k) at = t.find('b', at + 1);
    REQUIRE(FindNthByte(t, 'b', n) == at);
    REQUIRE(CountNonContinuation(t) ==
            std::count_if(t.begin(), t.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
}

TEST_CASE("ASCII letters change their case, other bytes do not") {
  Rng rng(8);
  for (int round = 0; round < 2000; ++round) {
    const Text text(rng, rng.Below(40), round % 2 == 0 ? "aAzZ@[`{05 " : "aAzZ@[`{\xc3\xa9");
    std::string wanted(text.view()), made(text.size, '?');
    bool ascii = true;
    for (char& c : wanted) {
      ascii = ascii && static_cast<unsigned char>(c) < 0x80;
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    }
    REQUIRE(ChangeAsciiCase(text.view(), true, made.data()) == ascii);
    REQUIRE(made == wanted);
  }
}

TEST_CASE("a regular expression gives RE2's answers, whichever way it is matched") {
  struct Case {
    const char* pattern;
    bool direct;
    const char* literal;
  };
  for (const Case& c : std::initializer_list<Case>{{"(&|^)ab=([^&]*)", true, "ab="},
                                                   {"(?:^|&|a)b=(?:[^&a]+)", true, "b="},
                                                   {"[&=]ab([0-9]*)", true, "ab"},
                                                   {"(^)ab\\d+", true, "ab"},
                                                   {"b=(\\w*)", true, "b="},
                                                   {"b", true, "b"},
                                                   {"a\\.b", true, "a.b"},
                                                   {"a+b", false, "a"},
                                                   {"a*b=&", false, "b=&"},
                                                   {"ab*?c?=a", false, "=a"},
                                                   {"(ab)+=b", false, "=b"},
                                                   {"[^]a]b&", false, "b&"},
                                                   {"^ab|b=", false, ""},
                                                   {"(&|^)&b", false, "&b"},
                                                   {"(a|^)*ab", false, "ab"},
                                                   {"(?i)AB", false, ""},
                                                   {"a{2}b", false, ""},
                                                   {"(?P<x>a)b=", false, ""},
                                                   {"[[:alpha:]]=\\d$", false, "="},
                                                   {"ab=([^&]*)&", false, "ab="},
                                                   {"b=.*", false, "b="},
                                                   {"\\Qa.b\\E", false, ""},
                                                   {"", false, ""},
                                                   {"a??b", false, "b"}}) {
    INFO(c.pattern);
    auto regexp = Regexp::Make(c.pattern);
    REQUIRE(regexp.ok());
    CHECK((*regexp)->is_direct() == c.direct);
    CHECK((*regexp)->literal() == c.literal);
    const re2::RE2 reference(c.pattern);
    Rng rng(std::strlen(c.pattern));
    for (int round = 0; round < 1500; ++round) {
      const Text text(rng, rng.Below(24), round % 8 == 0 ? "ab=&\xc3\xa9\n" : "aabb==&1.\n");
      INFO(text.view());
      const re2::StringPiece piece(text.view().data(), text.size);
      std::vector<re2::StringPiece> groups(static_cast<size_t>(reference.NumberOfCapturingGroups()) + 1);
      const bool found =
          reference.Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()));
      REQUIRE((*regexp)->Find(text.view()) == found);
      for (size_t g = 0; g < groups.size(); ++g) {
        std::string_view part;
        const bool there = (*regexp)->Extract(text.view(), static_cast<int>(g), &part);
        REQUIRE(there == (found && groups[g].data() != nullptr));
        if (!there) continue;
        REQUIRE(part == std::string_view(groups[g].data(), groups[g].size()));
        REQUIRE(part.data() == groups[g].data());
      }
      std::string replaced(text.view());
      const int count = re2::RE2::GlobalReplace(&replaced, reference, "");
      if (!re2::RE2::FullMatch("", reference)) REQUIRE((*regexp)->Count(text.view()) == count);
      std::string ours(text.view());
      (*regexp)->ReplaceAll(&ours, "");
      REQUIRE(ours == replaced);
    }
  }
  CHECK_FALSE(Regexp::Make("a**").ok());
  CHECK_FALSE(Regexp::Make("(a").ok());
}

TEST_CASE("a LIKE pattern with several wild cards matches as its regular expression") {
  Rng rng(9);
  for (int round = 0; round < 3000; ++round) {
    const Text pattern(rng, rng.Below(8), "ab%%_");
    const Text text(rng, rng.Below(12), "aab");
    std::string regexp = "(?s)";
    for (char p : pattern.view()) regexp += p == '%' ? ".*" : p == '_' ? "." : std::string(1, p);
    INFO(pattern.view() << " " << text.view());
    REQUIRE(LikePattern::Make(pattern.view(), "")->Matches(text.view()) ==
            re2::RE2::FullMatch(re2::StringPiece(text.view().data(), text.size), regexp));
  }
}

TEST_CASE("calls that are written twice have one number") {
  auto ast = Parse("CASE WHEN lower(s) = 'a' THEN 1 WHEN lower(s) = 'b' THEN length(lower(s)) ELSE 2 END");
  REQUIRE(ast.ok());
  const Repeats repeats(**ast);
  const Ast& first = *(*ast)->args[0];   // lower(s) = 'a'
  const Ast& second = *(*ast)->args[2];  // lower(s) = 'b'
  CHECK(repeats.Find(first) == -1);
  CHECK(repeats.Find(*first.args[0]) >= 0);
  CHECK(repeats.Find(*first.args[0]) == repeats.Find(*second.args[0]));
  CHECK(repeats.Find(*(*ast)->args[3]->args[0]) == repeats.Find(*first.args[0]));

  auto differ = Parse("CAST(s AS int) + CAST(s AS bigint) + CAST(i AS int) + round(1.5, 1) + round(1.50, 1)");
  REQUIRE(differ.ok());
  const Repeats none(**differ);
  for (const Ast* at = differ->get(); at->kind == AstKind::kCall && !at->args.empty(); at = at->args[0].get()) {
    CHECK(none.Find(*at) == -1);
  }
}

TEST_CASE("a value written twice is an error once, and only where it is needed") {
  // Row 2 has n = 0: the division is needed by the first condition of no row there.
  CHECK(Values("n <> 0 AND 10 / n > 1 AND 10 / n < 9") == "true | NULL | false");
  CHECK(Values("CASE WHEN n = 0 THEN -1 WHEN 10 / n > 100 THEN 1 ELSE 10 / n END") == "5 | NULL | -1");
  CHECK(Value("10 / n + 10 / n", 2).substr(0, 6) == "error:");
  // First needed for some rows, then for others.
  CHECK(Values("CASE WHEN i > 0 THEN length(s || 'x') ELSE -length(s || 'x') END") == "6 | NULL | -18");
  CHECK(Values("coalesce(lower(s), '-') || coalesce(lower(s), '+')") ==
        "hellohello | -+ | zażółć gęślą jaźńzażółć gęślą jaźń");
}

TEST_CASE("parts of urls, counts of matches") {
  const std::string url = "'https://me:x@www.example.org:8080/a/b.htm?q=1&id=7&id=8&e=#end'";
  CHECK(Value("parse_url(" + url + ", 'HOST')") == "www.example.org");
  CHECK(Value("parse_url(" + url + ", 'path')") == "/a/b.htm");
  CHECK(Value("parse_url(" + url + ", 'QUERY')") == "q=1&id=7&id=8&e=");
  CHECK(Value("parse_url(" + url + ", 'QUERY', 'id')") == "7");
  CHECK(Value("parse_url(" + url + ", 'QUERY', 'e')") == "");
  CHECK(Value("parse_url(" + url + ", 'QUERY', 'd')") == "NULL");
  CHECK(Value("parse_url(" + url + ", 'REF')") == "end");
  CHECK(Value("parse_url(" + url + ", 'PROTOCOL')") == "https");
  CHECK(Value("parse_url(" + url + ", 'AUTHORITY')") == "me:x@www.example.org:8080");
  CHECK(Value("parse_url(" + url + ", 'FILE')") == "/a/b.htm?q=1&id=7&id=8&e=");
  CHECK(Value("parse_url(" + url + ", 'USERINFO')") == "me:x");
  CHECK(Value("parse_url('http://[::1]:80', 'HOST')") == "[::1]");
  CHECK(Value("parse_url('http://a', 'QUERY')") == "NULL");
  CHECK(Value("parse_url('no url', 'HOST')") == "NULL");
  CHECK(Value("parse_url('mailto:a@b', 'PATH')") == "a@b");
  CHECK(ProblemOf("parse_url(s, 'hots')").find("did you mean") != std::string::npos);
  CHECK(ProblemOf("parse_url(s, 'path', 'a')").find("only the part `query`") != std::string::npos);
  CHECK(Value("url_encode('a b/ü&*')") == "a+b%2F%C3%BC%26*");
  CHECK(Value("url_decode('a+b%2f%C3%BC%26*')") == "a b/ü&*");
  CHECK(Value("url_decode('%c3')").substr(0, 6) == "error:");
  CHECK(Value("url_decode('100%')").substr(0, 6) == "error:");
  CHECK(Value("regexp_count('accbc', 'c')") == "3");
  CHECK(Value("regexp_count('accbc', 'c+')") == "2");
  CHECK(Value("regexp_count('abc', 'x*')") == "4");
  CHECK(Value("regexp_count('żż', 'x*')") == "3");
  CHECK(Value("regexp_count('aaa', '^a')") == "1");
  CHECK(Value("regexp_instr('żab1', '[0-9]')") == "4");
  CHECK(Value("regexp_instr('żab', '[0-9]')") == "0");
  CHECK(Value("regexp_substr('ab12c', '[0-9]+')") == "12");
  CHECK(Value("regexp_substr('abc', '[0-9]+')") == "NULL");
  CHECK(Value("split_part('a,b,c', ',', -1)") == "c");
  CHECK(Value("split_index('a--b--c', '--', 2)") == "c");
  CHECK(Value("lower('ÀBCDEFGHIJKLMNOPQ')") == "àbcdefghijklmnopq");
  CHECK(Value("upper('kurz')") == "KURZ");
}
