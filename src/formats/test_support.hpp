#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.hpp"
#include "formats/source.hpp"
#include "formats/test_files.hpp"

namespace modelops::formats::testing {

/// The message of the Error(unprocessable) that `call` throws; anything else fails the test.
template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code, ErrorCode::unprocessable) << error.message;
    return error.message;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

}  // namespace modelops::formats::testing
