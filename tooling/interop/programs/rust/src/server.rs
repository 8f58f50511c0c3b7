//! A server with the tools of every peer program, on each wire.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::*,
    service::RequestContext,
    transport::{
        stdio,
        streamable_http_server::{
            StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
        },
    },
};
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
};

use crate::{Failure, Options};

#[derive(Clone)]
struct Peer;

impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = [
            ("echo", json!({ "message": { "type": "string" } })),
            ("fail", json!({})),
            ("progress", json!({ "steps": { "type": "number" } })),
            ("sample", json!({})),
        ];
        let tools = tools.map(|(name, properties)| {
            let schema = json!({ "type": "object", "properties": properties });
            Tool::new(name, name, Arc::new(schema.as_object().unwrap().clone()))
        });
        Ok(ListToolsResult::with_all_items(tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let text = match request.name.as_ref() {
            "echo" => arguments["message"].as_str().unwrap_or_default().to_string(),
            "progress" => progress(&arguments, &context).await?,
            "sample" => sample(&context).await?,
            _ => return Ok(CallToolResult::error(vec![ContentBlock::text("it failed")]).into()),
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

async fn progress(arguments: &JsonObject, context: &RequestContext<RoleServer>) -> Result<String, ErrorData> {
    let steps = arguments["steps"].as_f64().unwrap_or_default();
    if let Some(token) = context.meta.get_progress_token() {
        let mut step = 1.0;
        while step <= steps {
            let params = ProgressNotificationParam::new(token.clone(), step).with_total(steps);
            context.peer.notify_progress(params).await.map_err(internal)?;
            step += 1.0;
        }
    }
    Ok("done".into())
}

#[allow(deprecated)]
async fn sample(context: &RequestContext<RoleServer>) -> Result<String, ErrorData> {
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("A colour?")], 10);
    let answer = context.peer.create_message(params).await.map_err(internal)?;
    let text = match answer.message.content.into_vec().into_iter().next() {
        Some(SamplingMessageContentBlock::Text(content)) => content.text,
        _ => String::new(),
    };
    Ok(format!("sampled: {text}"))
}

fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

async fn accept(socket: impl AsyncRead + AsyncWrite + Send + 'static) -> Result<(), Failure> {
    Peer.serve(socket).await?.waiting().await?;
    Ok(())
}

pub async fn serve(options: Options) -> Result<(), Failure> {
    match options.wire.as_str() {
        "stdio" => {
            Peer.serve(stdio()).await?.waiting().await?;
        }
        "tcp" => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("listening tcp://{}", listener.local_addr()?);
            loop {
                let (socket, _) = listener.accept().await?;
                tokio::spawn(accept(socket));
            }
        }
        "unix" => {
            let listener = UnixListener::bind(&options.path)?;
            println!("listening unix:{}", options.path);
            loop {
                let (socket, _) = listener.accept().await?;
                tokio::spawn(accept(socket));
            }
        }
        _ => {
            let config = StreamableHttpServerConfig::default()
                // JSON responses need a server without sessions.
                .with_legacy_session_mode(options.mode.is_empty())
                .with_json_response(options.mode == "json");
            let service: StreamableHttpService<Peer, LocalSessionManager> =
                StreamableHttpService::new(|| Ok(Peer), Default::default(), config);
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("listening http://{}/mcp", listener.local_addr()?);
            axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?;
        }
    }
    Ok(())
}
