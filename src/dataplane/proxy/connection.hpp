#pragma once
// A client's connection as one coroutine on one I/O thread. Only this folder's .cpp files include it; it brings Asio.
#include "dataplane/proxy/answers.hpp"
#include "dataplane/proxy/heads.hpp"
#include "dataplane/proxy/io_thread.hpp"
#include "dataplane/proxy/request_trace.hpp"

namespace modelops::proxy {

class Connection final : public http::Session, public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, std::string remote_address, IoThread& thread);
  ~Connection() override;

  /// The life of the connection; holds it.
  static Task<void> run(std::shared_ptr<Connection> self);

  void sweep(SteadyTime now) override;
  void close_if_idle() override;
  void abort() override;

 private:
  /// The client went away, or must be cut off because half an answer cannot be taken back.
  struct Cut {};

  /// The request being served.
  struct Exchange {
    http::Head head;
    std::shared_ptr<const RoutingTable> table;
    const Target* target = nullptr;  ///< of `table`
    const Caller* caller = nullptr;  ///< of `table`
    bool openai = false;             ///< speaks the OpenAI-compatible API, errors included
    std::string request_id;
    std::string cors_origin;  ///< of the page that asks, when it may
    SteadyTime start{};
    SteadyTime deadline = SteadyTime::max();  ///< the route's
    SteadyTime first_byte{};
    http::ChunkDecoder decoder;
    std::uint64_t body_left = 0;  ///< of a body with a length: not consumed yet
    bool body_done = false;
    bool continued = false;  ///< "100 Continue" was sent, or is not expected
    std::uint64_t received = 0;
    std::uint64_t buffered = 0;  ///< counted against the limit of all buffered bodies
    std::uint64_t sent_before = 0;
    int status = 499;
    int attempts = 0;
    bool answered = false;  ///< the answer's head was sent
    bool broken = false;    ///< the replica did not send all of its answer
    RequestTrace trace;     ///< of a request that reached a deployment

    /// The replica that was asked last; empty: none was.
    std::string_view replica_id() const {
      return trace.attempts.empty() ? std::string_view() : trace.attempts.back().replica->id;
    }
  };

  /// What a replica is to get.
  struct Outgoing {
    std::string_view path;
    std::array<std::string_view, 3> body;  ///< one after the other; all of it, unless `pumped`
    std::optional<std::uint64_t> length;   ///< nothing: chunked, or no body at all
    bool chunked = false;
    bool pumped = false;  ///< the body is passed on while it arrives
  };

  /// The body on its way to a replica, in a coroutine beside the one that reads the answer.
  struct Pump {
    bool running = false;
    bool began = false;     ///< so the body cannot be sent again
    bool complete = false;  ///< all of it was sent
    bool stopped = false;   ///< what the client still sends is not wanted
    std::optional<Error> error;
  };

  enum class Outcome { answered, try_fresh, try_another };

  // One request.
  Task<bool> serve();
  Task<std::size_t> read_head();
  Task<void> dispatch();
  void admit_caller();
  Outgoing for_deployment();
  Task<void> serve_model_api();
  Task<void> serve_models(std::string_view name);
  void finish_exchange();
  void begin_trace();
  void tell_trace(SteadyTime now);

  // Its body.
  Task<void> need_body();
  Task<bool> read_part(std::string_view& part, std::string& decoded, SteadyTime limit);
  Task<std::string_view> take_whole_body();
  SteadyTime::duration longest_wait(std::uint64_t received) const;
  bool fits_buffer() const;
  Task<void> gather_small_body();
  static Task<void> pump(std::shared_ptr<Connection> self, std::shared_ptr<Peer> upstream);

  // On to a replica.
  Task<void> relay(Outgoing outgoing);
  Task<Endpoint::Turn> await_turn(Endpoint& endpoint, Endpoint::Wish& wish);
  Task<Outcome> attempt(Slot& slot, const Outgoing& outgoing, bool fresh);
  Task<std::shared_ptr<Peer>> connect(const Replica& replica);
  Task<std::optional<UpstreamHead>> read_upstream_head(Peer& upstream);
  Task<bool> relay_answer(Peer& upstream, Slot& slot, UpstreamHead head);
  Task<void> end_pump(Peer& upstream);
  void check_client() const;
  void fault(Slot& slot, UpstreamFault kind);

  // Answers of our own.
  Task<void> refuse(const Error& error);
  Task<void> reply(http::Response response);
  void tell_origin(http::Headers& headers) const;
  void begin_answer(const http::Response& response, std::optional<std::uint64_t> length, bool chunked);
  void drop_buffered_body();
  Task<void> send(Peer::Parts parts);
  Task<void> linger();

  void watch();
  void on_readable(const boost::system::error_code& error);
  const GatewayOptions& options() const { return thread_.shared.options; }
  const RouteMetrics& metrics() const;

  IoThread& thread_;
  Peer client_;
  http::Signal signal_;
  std::string out_;
  std::string body_;
  std::string model_text_;  // what stands for "model" in the body
  std::string token_;       // the last one seen here, and its digest: clients send the same each time
  std::string token_digest_;
  Exchange exchange_;
  Pump pump_;
  Peer* upstream_ = nullptr;  // what the present attempt waits for
  SteadyTime wait_until_ = SteadyTime::max();
  bool keep_ = false;
  bool first_request_ = true;
  bool idle_ = false;    // waiting for the first byte of a request
  bool queued_ = false;  // waiting for a replica
  bool expired_ = false;
  bool watching_ = false;  // a wait for readability is pending
  bool gone_ = false;
};

}  // namespace modelops::proxy
