import java.io.FileInputStream;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Reads a site through a proxy: the proxy, the site, and a file with the certificate to trust. */
class Read {
  public static void main(String[] args) throws Exception {
    var proxy = URI.create(args[0]);
    var credentials = proxy.getUserInfo().split(":");
    var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (var file = new FileInputStream(args[2])) {
      trusted.setCertificateEntry(
          "target", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    var tls = SSLContext.getInstance("TLS");
    tls.init(null, trust.getTrustManagers(), null);
    var client =
        HttpClient.newBuilder()
            .proxy(ProxySelector.of(new InetSocketAddress(proxy.getHost(), proxy.getPort())))
            .authenticator(
                new Authenticator() {
                  @Override
                  protected PasswordAuthentication getPasswordAuthentication() {
                    return new PasswordAuthentication(credentials[0], credentials[1].toCharArray());
                  }
                })
            .sslContext(tls)
            .build();
    var request = HttpRequest.newBuilder(URI.create(args[1])).build();
    var response = client.send(request, BodyHandlers.ofByteArray());
    if (response.statusCode() != 200) throw new Exception("status " + response.statusCode());
    System.out.write(response.body());
    System.out.flush();
  }
}
