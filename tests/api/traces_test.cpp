// The traces of the real server, at a collector that takes only what OTLP's own contract allows.
#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include "cli/flows.hpp"
#include "cli/uploads.hpp"
#include "platform/http/server.hpp"
#include "tests/api/control_plane_test.hpp"

namespace modelops {
namespace {

using ::testing::Contains;
using ::testing::Key;

/// Export requests, read by opentelemetry-proto: a field that it does not know, or of another type, is an error.
class Contract {
 public:
  Contract() {
    tree_.MapPath("", std::string(MODELOPS_SOURCE_DIR) + "/tests/data/otlp");
    EXPECT_NE(importer_.Import("opentelemetry/proto/collector/trace/v1/trace_service.proto"), nullptr);
    request_ =
        importer_.pool()->FindMessageTypeByName("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
  }
  /// What is wrong with it; empty when nothing is.
  std::string refusal(const std::string& body) {
    const std::unique_ptr<google::protobuf::Message> message(factory_.GetPrototype(request_)->New());
    return google::protobuf::util::JsonStringToMessage(body, message.get()).ToString();
  }

 private:
  google::protobuf::compiler::DiskSourceTree tree_;
  google::protobuf::compiler::Importer importer_{&tree_, nullptr};
  google::protobuf::DynamicMessageFactory factory_{importer_.pool()};
  const google::protobuf::Descriptor* request_ = nullptr;
};

struct SeenSpan {
  std::string trace;
  std::string id;
  std::string parent;
  std::string name;
  std::map<std::string, std::string> attributes;
};

class Collector final : public http::Handler {
 public:
  http::Plan plan(const http::Request&) noexcept override { return {.body_bytes_max = 8 << 20}; }
  http::Answer handle(const http::Plan&, http::Request&& request) override {
    const auto text = [](const boost::json::object& object, std::string_view name) {
      return object.contains(name) ? std::string(object.at(name).as_string()) : std::string();
    };
    std::lock_guard lock(mutex_);
    bodies.push_back(request.body);
    const auto body = reflect::parse_json_value(request.body);
    for (const auto& each : body.at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array()) {
      const boost::json::object& span = each.as_object();
      SeenSpan seen{text(span, "traceId"), text(span, "spanId"), text(span, "parentSpanId"), text(span, "name"), {}};
      for (const auto& attribute : span.at("attributes").as_array())
        seen.attributes[text(attribute.as_object(), "key")] =
            reflect::to_json(attribute.at("value").as_object().begin()->value());
      spans_.push_back(std::move(seen));
    }
    changed_.notify_all();
    return http::Response{200, {}, "{}"};
  }
  std::unique_ptr<http::BodySink> receive(const http::Plan&, const http::Request&) override { return nullptr; }

  /// The first span that `is` true of, once it has come.
  template <class F>
  SeenSpan wait_for(F&& is) {
    std::unique_lock lock(mutex_);
    SeenSpan found;
    const bool came = changed_.wait_for(lock, std::chrono::seconds(30), [&] {
      const auto at = std::ranges::find_if(spans_, is);
      if (at != spans_.end()) found = *at;
      return at != spans_.end();
    });
    EXPECT_TRUE(came);
    return found;
  }

  std::vector<std::string> bodies;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SeenSpan> spans_;
};

class TracesApiTest : public ControlPlaneTest {
 protected:
  TracesApiTest() {
    server.emplace(http::ServerOptions{.port = 0}, collector, topics);
    otlp_url = fmt::format("http://127.0.0.1:{}", server->port());
    restart();
  }
  ~TracesApiTest() override { plane.reset(); }

  http::Response send(http::Method method, const std::string& path, const std::string& body = "") {
    http::ClientRequest request{.method = method, .url = url() + path};
    request.headers.set("Authorization", "Bearer " + token);
    request.headers.set("traceparent", "00-" + trace + "-00f067aa0ba902b7-01");
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    request.body = body;
    return client.send(request);
  }

  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  events::Topics topics;
  Collector collector;
  std::optional<http::Server> server;
};

TEST_P(TracesApiTest, ARequestAndTheJobThatItBeginsAreOneTrace) {
  cli::Api caller = admin();
  const std::string upload =
      cli::upload_files(caller, {std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx"});
  const auto begun = send(http::Method::post, "/api/v1/models/analyze", fmt::format(R"({{"upload_id":"{}"}})", upload));
  ASSERT_LT(begun.status, 300) << begun.body;
  const std::string operation(reflect::parse_json_value(begun.body).at("id").as_string());
  cli::wait_for_operation(caller, operation, "analysis");

  const SeenSpan request = collector.wait_for([&](const SeenSpan& span) { return span.trace == trace; });
  EXPECT_EQ(request.name, "POST /api/v1/models/analyze");
  EXPECT_EQ(request.parent, "00f067aa0ba902b7");
  EXPECT_EQ(request.attributes.at("http.route"), "\"/api/v1/models/analyze\"");
  EXPECT_EQ(request.attributes.at("http.response.status_code"), fmt::format("\"{}\"", begun.status));
  EXPECT_THAT(request.attributes, Contains(Key("modelops.organization_id")));
  const SeenSpan job = collector.wait_for([&](const SeenSpan& span) { return span.name == "job model.analyze"; });
  EXPECT_EQ(job.trace, trace);
  EXPECT_EQ(job.parent, request.id);
  EXPECT_EQ(job.attributes.at("modelops.operation_id"), fmt::format("\"{}\"", operation));
}

TEST_P(TracesApiTest, AnUploadIsTracedFromItsFirstByteToItsLast) {
  cli::Api caller = admin();
  const std::string file = std::string(MODELOPS_SOURCE_DIR) + "/examples/digits/digits.onnx";
  cli::upload_files(caller, {file});
  const std::string size = fmt::format("\"{}\"", std::filesystem::file_size(file));
  const SeenSpan upload = collector.wait_for([&](const SeenSpan& span) {
    const auto received = span.attributes.find("http.request.body.size");
    return received != span.attributes.end() && received->second == size;
  });
  EXPECT_EQ(upload.name, "PATCH /api/v1/uploads/tus/{transfer}");
  EXPECT_EQ(upload.attributes.at("http.response.status_code"), "\"204\"");
  EXPECT_THAT(upload.attributes, Contains(Key("modelops.organization_id")));
}

TEST_P(TracesApiTest, WhatIsRefusedIsTracedAndAllOfItIsAsTheContractSays) {
  EXPECT_EQ(send(http::Method::get, "/api/v1/models/none").status, 404);
  const SeenSpan refused = collector.wait_for([&](const SeenSpan& span) { return span.trace == trace; });
  EXPECT_EQ(refused.name, "GET /api/v1/models/{model}");
  EXPECT_EQ(refused.attributes.at("url.path"), "\"/api/v1/models/none\"");
  EXPECT_EQ(refused.attributes.at("http.response.status_code"), "\"404\"");
  plane.reset();  // sends what is left
  Contract contract;
  ASSERT_FALSE(collector.bodies.empty());
  for (const std::string& body : collector.bodies) {
    EXPECT_EQ(contract.refusal(body), "OK") << body;
    EXPECT_EQ(body.find(token), body.npos);
  }
  EXPECT_NE(contract.refusal(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceID":""}]}]}]})"), "OK");
}

MODELOPS_ON_BOTH_DATABASES(TracesApiTest);

}  // namespace
}  // namespace modelops
