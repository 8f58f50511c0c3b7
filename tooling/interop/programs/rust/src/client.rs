//! A client on each wire, in each era.

use std::sync::{Arc, Mutex};

use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient,
    model::*,
    service::{NotificationContext, RequestContext},
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use tokio::net::{TcpStream, UnixStream};

use crate::{Failure, Options, exchange::exchange};

/// Answers sampling requests, and collects progress.
#[derive(Clone, Default)]
pub struct Handler {
    pub progress: Arc<Mutex<Vec<f64>>>,
}

#[allow(deprecated)]
impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_sampling().build();
        ClientConfig::new(capabilities, Implementation::new("peer", "1.0.0"))
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Ok(CreateMessageResult::new(SamplingMessage::assistant_text("blue"), "none".into()))
    }

    async fn on_progress(&self, params: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push(params.progress);
    }
}

fn lifecycle(era: &str) -> ClientLifecycleMode {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    match era {
        "modern" => ClientLifecycleMode::Discover { preferred_versions },
        "auto" => ClientLifecycleMode::Auto { preferred_versions, legacy_version: None },
        _ => ClientLifecycleMode::Initialize,
    }
}

/// Runs the checks. Returns the revision of the protocol.
pub async fn run(options: &Options) -> Result<String, Failure> {
    let handler = Handler::default();
    let mode = lifecycle(&options.era);
    let target = options.target.first().cloned().unwrap_or_default();
    let client = match options.wire.as_str() {
        "stdio" => {
            let mut command = tokio::process::Command::new(&target);
            command.args(&options.target[1..]);
            handler.clone().serve_with_lifecycle(TokioChildProcess::new(command)?, mode).await
        }
        "tcp" => {
            let socket = TcpStream::connect(target.trim_start_matches("tcp://")).await?;
            handler.clone().serve_with_lifecycle(socket, mode).await
        }
        "unix" => {
            let socket = UnixStream::connect(target.trim_start_matches("unix:")).await?;
            handler.clone().serve_with_lifecycle(socket, mode).await
        }
        _ => handler.clone().serve_with_lifecycle(StreamableHttpClientTransport::from_uri(target), mode).await,
    };
    let client = client.map_err(|error| format!("connect: {error}"))?;
    exchange(&client, &handler, &options.skip).await?;
    let protocol = client.peer_info().map(|info| info.protocol_version.to_string()).unwrap_or_default();
    client.cancel().await.map_err(|error| format!("close: {error}"))?;
    Ok(protocol)
}
