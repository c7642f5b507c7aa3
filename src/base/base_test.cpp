#include <gtest/gtest.h>

#include <set>

#include "base/error.hpp"
#include "base/id.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "base/time.hpp"

namespace modelops {
namespace {

struct Thing {
  static constexpr std::string_view prefix = "thg";
};

TEST(Time, RoundTripsThroughRfc3339) {
  EXPECT_EQ(format_rfc3339({0}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_rfc3339({951'782'400'000'001}), "2000-02-29T00:00:00.000001Z");
  EXPECT_EQ(parse_rfc3339("2000-02-29T00:00:00.000001Z"), Time{951'782'400'000'001});
  EXPECT_EQ(parse_rfc3339("2000-02-29T02:30:00+02:30"), Time{951'782'400'000'000});
  EXPECT_EQ(parse_rfc3339("2000-02-29t00:00:00.123456789z"), Time{951'782'400'123'456});
}

TEST(Time, RefusesWhatIsNotATime) {
  for (const char* text : {"", "2000", "2000-02-30T00:00:00Z", "2000-13-01T00:00:00Z", "2000-01-01T24:00:00Z",
                           "2000-01-01T00:00:00", "2000-01-01 00:00:00Z", "2000-01-01T00:00:00.Z",
                           "2000-01-01T00:00:00Zx", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Id, ParsesOnlyItsOwnKind) {
  const auto id = Id<Thing>::make();
  EXPECT_EQ(Id<Thing>::parse(id.str()), id);
  EXPECT_FALSE(Id<Thing>::parse("thx_" + id.str().substr(4)));
  EXPECT_FALSE(Id<Thing>::parse(id.str() + "0"));
  EXPECT_FALSE(Id<Thing>::parse("thg_" + std::string(32, 'g')));
  EXPECT_FALSE(Id<Thing>().is_set());
}

TEST(Id, IncreasesStrictly) {
  std::string last;
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = new_uuid7();
    ASSERT_LT(last, id);
    last = id;
  }
}

TEST(Text, EncodingsRoundTripAndRefuseNonCanonicalForms) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string bytes = random_bytes(size);
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  }
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_FALSE(from_base64("Zm9="));
  EXPECT_FALSE(from_base64("Zm8"));
  EXPECT_FALSE(from_base64url("Zm8="));
  EXPECT_FALSE(from_hex("AB"));
}

TEST(Text, FindsMarksThatChangeHowANameReads) {
  EXPECT_FALSE(has_invisible_characters("Zürich 数字 model-1"));
  for (const char* text : {"a\x01", "a\x7f",
                           "\xe2\x80\xae"
                           "fdp",
                           "a\xe2\x80\x8b", "\xef\xbb\xbfx", "\xe2\x81\xa6x"})
    EXPECT_TRUE(has_invisible_characters(text));
  EXPECT_TRUE(has_invisible_characters(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_utf8("\xc0\xaf"));
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("\xe2\x80"));
}

TEST(Text, ParsesWholeIntegersOnly) {
  EXPECT_EQ(parse_int("42"), 42);
  EXPECT_EQ(parse_int("-1"), -1);
  EXPECT_EQ(parse_count("42"), 42);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "99999999999999999999"}) {
    EXPECT_FALSE(parse_int(text)) << text;
    EXPECT_FALSE(parse_count(text)) << text;
  }
  for (const char* text : {"-1", "-0", "-"}) EXPECT_FALSE(parse_count(text)) << text;
}

TEST(Text, ShowsNothingThatMisleads) {
  EXPECT_EQ(display_text("plain ä"), "plain ä");
  EXPECT_EQ(display_text("a\xff\xfe"
                         "b\n\u202ec"),
            "a??b??c");
  EXPECT_EQ(display_text("abcdef", 3), "abc…");
  EXPECT_EQ(display_text("abä", 3), "ab…");
  EXPECT_EQ(display_text("\xe4"), "?");
}

TEST(Error, EveryCodeHasItsOwnStatusAndName) {
  std::set<int> statuses;
  for (int i = 0; i <= static_cast<int>(ErrorCode::insufficient_storage); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_TRUE(statuses.insert(http_status(code)).second) << error_name(code);
    EXPECT_EQ(error_code_from_status(http_status(code)), code);
  }
}

TEST(Error, DescribesItsCauses) {
  try {
    try {
      fail(ErrorCode::internal, "inner", "why");
    } catch (...) {
      std::throw_with_nested(Error(ErrorCode::unavailable, "outer"));
    }
  } catch (const std::exception& error) {
    EXPECT_EQ(describe_exception(error), "outer <- inner: why");
  }
}

}  // namespace
}  // namespace modelops
