#include "dataplane/runtime/handler.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <future>
#include <thread>

#include "base/id.hpp"
#include "base/text.hpp"
#include "dataplane/runtime/test_models.hpp"
#include "platform/http/client.hpp"
#include "platform/http/server.hpp"

namespace modelops::runtime {
namespace {

using namespace testing;
using ::testing::HasSubstr;
namespace json = boost::json;

/// A folder of tiny models that goes with the test.
class ModelFolder {
 public:
  ModelFolder()
      : path_(std::filesystem::temp_directory_path() / fmt::format("modelops-runtime-{}-{}", ::getpid(), new_uuid7())) {
    std::filesystem::create_directories(path_);
  }
  ~ModelFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class HandlerTest : public ::testing::Test {
 protected:
  void start(const std::string& name, const std::string& bytes, ModelOptions options = {}) {
    start({{name, 1, folder.write(name + ".onnx", bytes)}}, std::nullopt, options);
    repository->load_all();
  }
  void start(std::vector<ModelSource> sources, std::optional<std::filesystem::path> scanned = {},
             ModelOptions options = {}) {
    repository = std::make_unique<Repository>(ort, options, std::move(sources), std::move(scanned), registry);
    handler =
        std::make_unique<RuntimeHandler>(*repository, registry, HandlerOptions{.version = "test", .blocking_max = 1});
  }
  http::Response send(http::Method method, const std::string& path, std::string body = {}, http::Headers headers = {}) {
    http::Request request;
    request.method = method;
    request.path = path;
    request.headers = std::move(headers);
    request.body = std::move(body);
    request.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const http::Plan plan = handler->plan(request);
    http::Answer answer = handler->handle(plan, std::move(request));
    if (auto* response = std::get_if<http::Response>(&answer)) return std::move(*response);
    const auto promise = std::make_shared<std::promise<http::Response>>();
    std::get<http::Deferred>(answer).start(
        [promise](http::Response response) { promise->set_value(std::move(response)); });
    return promise->get_future().get();
  }
  http::Response get(const std::string& path) { return send(http::Method::get, path); }
  http::Response post(const std::string& path, std::string body = {}, http::Headers headers = {}) {
    return send(http::Method::post, path, std::move(body), std::move(headers));
  }
  /// The message of an answer that must be an error of the protocol.
  static std::string error_of(const http::Response& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    const json::value body = json::parse(response.body);
    return std::string(body.at("error").as_string());
  }

  const Ort ort{library()};
  ModelFolder folder;
  metrics::Registry registry;
  std::unique_ptr<Repository> repository;
  std::unique_ptr<RuntimeHandler> handler;
};

const std::string add_body = R"({"id":"7","inputs":[{"name":"b","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]},)"
                             R"({"name":"a","shape":[2,2],"datatype":"FP32","data":[[10,20],[30,40]]}]})";

TEST_F(HandlerTest, describes_the_server_and_its_models) {
  start("add", add_model());
  EXPECT_EQ(get("/v2").body,
            R"({"name":"modelops-runtime","version":"test","extensions":["binary_tensor_data","model_repository"]})");
  EXPECT_EQ(get("/v2/health/live").status, 200);
  EXPECT_EQ(get("/v2/health/ready").body, R"({"ready":true})");
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(get("/v2/models/add/ready").body, R"({"name":"add","ready":true})");
  const std::string description =
      R"({"name":"add","versions":["1"],"platform":"onnxruntime_onnx",)"
      R"("inputs":[{"name":"a","datatype":"FP32","shape":[-1,2]},{"name":"b","datatype":"FP32","shape":[-1,2]}],)"
      R"("outputs":[{"name":"sum","datatype":"FP32","shape":[-1,2]},)"
      R"({"name":"difference","datatype":"FP32","shape":[-1,2]}],)"
      R"("parameters":{"merges_rows":false}})";
  EXPECT_EQ(get("/v2/models/add").body, description);
  EXPECT_EQ(get("/v2/models/add/versions/1").body, description);
  handler->begin_drain();
  EXPECT_EQ(get("/health").status, 503);
}

TEST_F(HandlerTest, answers_an_inference_request_as_the_specification_says) {
  start("add", add_model());
  const http::Response all = post("/v2/models/add/infer", add_body);
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(all.body, R"({"model_name":"add","model_version":"1","id":"7","outputs":[)"
                      R"({"name":"sum","datatype":"FP32","shape":[2,2],"data":[11,22,33,44]},)"
                      R"({"name":"difference","datatype":"FP32","shape":[2,2],"data":[9,18,27,36]}]})");
  std::string one = add_body;
  one.insert(one.size() - 1, R"(,"outputs":[{"name":"difference"}])");
  EXPECT_EQ(post("/v2/models/add/versions/1/infer", one).body,
            R"({"model_name":"add","model_version":"1","id":"7","outputs":[{"name":"difference","datatype":"FP32",)"
            R"("shape":[2,2],"data":[9,18,27,36]}]})");
}

TEST_F(HandlerTest, speaks_the_binary_tensor_extension) {
  start("x", identity_model());
  const std::string head = R"({"parameters":{"binary_data_output":true},"inputs":[)"
                           R"({"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]})";
  const std::string raw("\0\0\x80\x3f\0\0\0\x40", 8);
  http::Headers headers;
  headers.add("Inference-Header-Content-Length", std::to_string(head.size()));
  const http::Response answer = post("/v2/models/x/infer", head + raw, headers);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto size = parse_int(answer.headers.get("Inference-Header-Content-Length"));
  ASSERT_TRUE(size);
  EXPECT_EQ(answer.body.substr(static_cast<std::size_t>(*size)), raw);
  headers.set("Inference-Header-Content-Length", "many");
  EXPECT_THAT(error_of(post("/v2/models/x/infer", head + raw, headers), 400),
              HasSubstr("Inference-Header-Content-Length"));
}

TEST_F(HandlerTest, tells_who_traces_where_the_time_went) {
  start("x", identity_model());
  const std::string body = R"({"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]})";
  EXPECT_FALSE(post("/v2/models/x/infer", body).headers.find("Server-Timing"));
  http::Headers headers;
  headers.add("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const http::Response answer = post("/v2/models/x/infer", body, headers);
  EXPECT_THAT(std::string(answer.headers.get("Server-Timing")),
              ::testing::MatchesRegex("queue;dur=[0-9.]+, run;dur=[0-9.]+"));
}

TEST_F(HandlerTest, names_what_is_wrong_with_a_request) {
  start("add", add_model());
  const auto refusal = [&](const std::string& body) { return error_of(post("/v2/models/add/infer", body), 400); };
  const auto inputs = [](const std::string& name, const std::string& shape, const std::string& datatype,
                         const std::string& data) {
    return R"({"inputs":[{"name":"b","shape":[1,2],"datatype":"FP32","data":[1,2]},{"name":")" + name +
           R"(","shape":)" + shape + R"(,"datatype":")" + datatype + R"(","data":)" + data + "}]}";
  };
  EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(R"({"inputs":[]})"),
              HasSubstr("Input \"a\" is missing; the model takes \"a\" FP32 [N,2], \"b\" FP32 [N,2]."));
  EXPECT_THAT(refusal(inputs("b", "[1,2]", "FP32", "[1,2]")), HasSubstr("Input \"a\" is missing"));
  EXPECT_THAT(refusal(inputs("a", "[1,3]", "FP32", "[1,2,3]")),
              HasSubstr("Input \"a\": the shape [1,3] does not fit the model's [N,2]"));
  EXPECT_THAT(refusal(inputs("a", "[2]", "FP32", "[1,2]")), HasSubstr("the shape [2] does not fit"));
  EXPECT_THAT(refusal(inputs("a", "[1,2]", "INT64", "[1,2]")),
              HasSubstr("Input \"a\": the datatype is INT64, the model takes FP32"));
  std::string rows = add_body;
  rows.replace(rows.find("[2,2]"), std::strlen("[2,2],\"datatype\":\"FP32\",\"data\":[1,2,3,4]"),
               "[3,2],\"datatype\":\"FP32\",\"data\":[1,2,3,4,5,6]");
  EXPECT_THAT(error_of(post("/v2/models/add/infer", rows), 500), HasSubstr("ONNX Runtime cannot run the model"));
  std::string more = add_body;
  more.insert(more.size() - 2, R"(,{"name":"c","shape":[1],"datatype":"FP32","data":[1]})");
  EXPECT_THAT(refusal(more), HasSubstr("Input \"c\" is unknown"));
  std::string twice = add_body;
  twice.insert(twice.size() - 2, R"(,{"name":"a","shape":[1,2],"datatype":"FP32","data":[1,2]})");
  EXPECT_THAT(refusal(twice), HasSubstr("Input \"a\" is given twice"));
  std::string output = add_body;
  output.insert(output.size() - 1, R"(,"outputs":[{"name":"product"}])");
  EXPECT_THAT(refusal(output), HasSubstr("Output \"product\" is unknown; the model gives \"sum\" FP32 [N,2]"));

  EXPECT_THAT(error_of(post("/v2/models/nothing/infer", add_body), 404),
              HasSubstr("There is no model \"nothing\"; this server has: add"));
  EXPECT_THAT(error_of(post("/v2/models/add/versions/2/infer", add_body), 404), HasSubstr("no version 2; it has: 1"));
  EXPECT_THAT(error_of(get("/v2/models/add/versions/x"), 404), HasSubstr("no version"));
  EXPECT_THAT(error_of(get("/v3"), 404), HasSubstr("/v3"));
  EXPECT_EQ(get("/v2/models/add/infer").headers.get("Allow"), "POST");
  EXPECT_THAT(error_of(post("/v2/health/live"), 405), HasSubstr("GET"));
  http::Headers gzip;
  gzip.add("Content-Encoding", "gzip");
  EXPECT_THAT(error_of(post("/v2/models/add/infer", add_body, gzip), 415), HasSubstr("Content-Encoding"));
}

TEST_F(HandlerTest, loads_and_unloads_on_request) {
  const auto path = folder.write("models/x/2/model.onnx", identity_model());
  folder.write("models/x/10/model.onnx", identity_model(11));
  folder.write("models/add.onnx", add_model());
  start(std::vector<ModelSource>(), folder.path() / "models");
  EXPECT_EQ(get("/health").status, 503);
  EXPECT_EQ(get("/v2/models/x").status, 503) << "still loading";
  repository->load_all();
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_EQ(post("/v2/repository/index").body, R"([{"name":"add","version":"1","state":"READY","reason":""},)"
                                               R"({"name":"x","version":"2","state":"READY","reason":""},)"
                                               R"({"name":"x","version":"10","state":"READY","reason":""}])");
  EXPECT_THAT(get("/v2/models/x").body, HasSubstr("\"versions\":[\"10\"]")) << "the highest version, as a number";

  EXPECT_EQ(post("/v2/repository/models/x/unload").status, 200);
  EXPECT_THAT(error_of(get("/v2/models/x/ready"), 404), HasSubstr("/v2/repository/models/x/load"));
  EXPECT_EQ(get("/health").status, 200);
  EXPECT_THAT(post("/v2/repository/index", R"({"ready":true})").body, ::testing::Not(HasSubstr("\"x\"")));

  folder.write("models/x/2/model.onnx", unknown_operator_model());
  EXPECT_THAT(error_of(post("/v2/repository/models/x/load"), 422), HasSubstr("NoSuchOperator"));
  EXPECT_THAT(error_of(get("/v2/models/x/versions/2"), 503), HasSubstr("NoSuchOperator"));
  EXPECT_EQ(get("/v2/models/x/versions/10/ready").status, 200) << "one bad version does not stop the others";
  EXPECT_THAT(post("/v2/repository/index").body,
              HasSubstr("\"state\":\"UNAVAILABLE\",\"reason\":\"ONNX Runtime cannot load"));
  folder.write("models/x/2/model.onnx", identity_model());
  EXPECT_EQ(post("/v2/repository/models/x/load").status, 200);
  EXPECT_EQ(get("/v2/models/x/ready").status, 200);

  folder.write("models/add.onnx", "broken");
  EXPECT_EQ(post("/v2/repository/models/add/load").status, 422);
  EXPECT_EQ(post("/v2/models/add/infer", add_body).status, 200) << "the old one serves on";
  folder.write("models/late.onnx", identity_model());
  EXPECT_EQ(post("/v2/repository/models/late/load").status, 200);
  EXPECT_EQ(get("/v2/models/late/ready").status, 200);
  error_of(post("/v2/repository/models/nothing/load"), 404);
}

TEST_F(HandlerTest, merges_rows_only_where_they_are_independent) {
  const ModelOptions options{.session = {}, .batch = {.batch_max = 8}};
  start({{"add", 1, folder.write("add.onnx", add_model())},
         {"softmax", 1, folder.write("softmax.onnx", column_softmax_model())}},
        std::nullopt, options);
  repository->load_all();
  EXPECT_TRUE(repository->get("add", {})->merges_rows());
  EXPECT_FALSE(repository->get("softmax", {})->merges_rows());
}

TEST_F(HandlerTest, counts) {
  start("add", add_model());
  post("/v2/models/add/infer", add_body);
  const std::string text = get("/metrics").body;
  for (const char* line :
       {"modelops_runtime_requests_total{model=\"add\",outcome=\"succeeded\",version=\"1\"} 1",
        "modelops_runtime_batch_rows_count{model=\"add\",version=\"1\"} 1", "modelops_runtime_compute_seconds_count",
        "modelops_runtime_queue_seconds_count", "modelops_runtime_queue_depth", "process_resident_memory_bytes",
        "process_cpu_seconds_total"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(HandlerTest, draining_under_load_loses_nothing) {
  start("x", identity_model(),
        {.session = {}, .batch = {.batch_max = 4, .queue_delay = std::chrono::microseconds(200)}});
  events::Topics topics;
  http::Server server({.name = "runtime"}, *handler, topics, &registry);
  http::Client client({.addresses = http::AddressPolicy::any});
  const std::string url = fmt::format("http://127.0.0.1:{}/v2/models/x/infer", server.port());
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int thread = 0; thread < 4; ++thread) {
    clients.emplace_back([&, thread] {
      for (int i = 0;; ++i) {
        const int value = thread * 20'000 + i % 20'000;
        try {
          const http::Response answer = client.send(
              {.method = http::Method::post,
               .url = url,
               .body = fmt::format(R"({{"inputs":[{{"name":"x","shape":[1,2],"datatype":"FP32","data":[{},0]}}]}})",
                                   value)});
          ASSERT_EQ(answer.status, 200) << answer.body;
          ASSERT_THAT(answer.body, HasSubstr(fmt::format("\"data\":[{},0]", value)));
          ++answered;
        } catch (const Error& error) {
          // Only a connection that was refused: whatever was accepted is answered.
          ASSERT_EQ(error.code, ErrorCode::unavailable) << error.message;
          return;
        }
      }
    });
  }
  while (answered < 50) std::this_thread::yield();
  handler->begin_drain();
  EXPECT_TRUE(server.drain(std::chrono::seconds(30)));
  for (std::thread& thread : clients) thread.join();
}

TEST(ModelSources, are_parsed) {
  EXPECT_EQ(parse_model_source("a=/x/y.onnx").version, 1);
  const ModelSource source = parse_model_source("a.b=/x:y:12");
  EXPECT_EQ(source.path, "/x:y");
  EXPECT_EQ(source.version, 12);
  for (const char* bad : {"", "a", "=x", "a=", "a=:3", "a=x:0", "a/b=x", "..=x", "a b=x"})
    EXPECT_THROW(parse_model_source(bad), Error) << bad;
  EXPECT_THROW(scan_models("/nowhere"), Error);
}

}  // namespace
}  // namespace modelops::runtime
