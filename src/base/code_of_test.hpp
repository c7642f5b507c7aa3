#pragma once
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace modelops {

/// The code of the Error that `f` throws; the test has failed when it throws none.
template <class F>
ErrorCode code_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.code;
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::internal;
}

}  // namespace modelops
