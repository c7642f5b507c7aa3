#pragma once
#include <boost/json/value.hpp>
#include <functional>
#include <string>

#include "base/error.hpp"
#include "cli/profile.hpp"
#include "platform/http/client.hpp"

namespace modelops::cli {

/// One control plane, as the command line sees it.
class Api {
 public:
  explicit Api(Profile profile);

  struct Answer {
    int status = 0;
    std::string etag;
    boost::json::value body;
  };
  /// `path` is encoded already. Throws Error with the server's own words, its violations, and what to do.
  Answer call(http::Method method, const std::string& path, const boost::json::value* body = nullptr,
              const http::Headers& headers = {});
  boost::json::value get(const std::string& path) { return call(http::Method::get, path).body; }
  boost::json::value post(const std::string& path, const boost::json::value& body) {
    return call(http::Method::post, path, &body).body;
  }
  /// For protocols whose statuses and headers matter: the answer as it came, without a limit of time.
  http::Response exchange(http::Method method, const std::string& path, const http::Headers& headers,
                          std::string body = {});
  /// Hands over a long answer as it arrives.
  void stream(const std::string& path, const std::function<void(std::string_view)>& receive);
  /// Follows server-sent events: `event` gets id and data; false ends it.
  void follow(const std::string& path,
              const std::function<bool(const std::string& id, const std::string& data)>& event);
  /// A request to the gateway; the raw answer. `receive` gets a streamed body.
  http::Response gateway(http::Method method, const std::string& path, const std::string& body,
                         std::function<bool(std::string_view)> receive = {});
  const Profile& profile() const { return profile_; }

 private:
  http::Headers headers(const http::Headers& more) const;
  Profile profile_;
  http::Client client_;
};

/// The Error of a problem document (or any other body) that a server answered.
Error error_of(const http::Response& response);

}  // namespace modelops::cli
