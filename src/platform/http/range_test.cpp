#include "platform/http/range.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace modelops::http {
namespace {

TEST(Ranges, ThePartThatIsAskedFor) {
  struct Row {
    const char* header;
    std::uint64_t first, length;
  };
  for (const Row& row : {Row{"bytes=0-0", 0, 1}, Row{"bytes=2-", 2, 8}, Row{"bytes=2-4", 2, 3}, Row{"bytes=-3", 7, 3},
                         Row{"bytes=-99", 0, 10}, Row{"bytes=9-99", 9, 1}, Row{"bytes=0-99999999999999999999", 0, 10},
                         Row{"bytes=-99999999999999999999", 0, 10}, Row{"Bytes=2-4", 2, 3}, Row{"bytes= 2-4 ", 2, 3}}) {
    const auto range = parse_range(row.header, 10);
    ASSERT_TRUE(range) << row.header;
    EXPECT_EQ(range->first, row.first) << row.header;
    EXPECT_EQ(range->length, row.length) << row.header;
  }
}

TEST(Ranges, TheWholeForWhatNeedNotBeUnderstood) {
  for (const char* whole : {"", "bytes", "bytes=", "bytes=-", "bytes=a-", "bytes=1-b", "bytes=4-2", "items=0-1",
                            "bytes=0-1,3-4", "bytes=+1-2", "bytes=--1", "bytes=1-2-3"})
    EXPECT_FALSE(parse_range(whole, 10)) << whole;
  EXPECT_FALSE(parse_range("", 0));
}

TEST(Ranges, NothingBeyondTheEnd) {
  const auto refused = [](const char* header, std::uint64_t size_bytes) {
    try {
      parse_range(header, size_bytes);
    } catch (const Error& error) {
      return error.code == ErrorCode::range_not_satisfiable;
    }
    return false;
  };
  for (const char* header : {"bytes=10-", "bytes=10-12", "bytes=99999999999999999999-", "bytes=-0"})
    EXPECT_TRUE(refused(header, 10)) << header;
  for (const char* header : {"bytes=0-", "bytes=0-0", "bytes=-1"}) EXPECT_TRUE(refused(header, 0)) << header;
}

}  // namespace
}  // namespace modelops::http
